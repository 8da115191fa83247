"""What the name of a column speaks of, in the languages that tables come in.

A name alone proves nothing: ``email_status`` holds no address. So a rule asks the values as well,
and words such as *status* or *opt-in* turn the name into one about the thing, not of the thing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

Subject = Literal[
    "address", "bank account", "birth date", "date", "e-mail", "ip", "national id", "payment card",
    "person", "telephone",
]  # fmt: skip

_ABOUT: Final = re.compile(
    r"\b(active|app|apps|bounces?d?|brand|browser|calls?|campaigns?|category|channel|clicks?|"
    r"clicked|confirmed|consent|count|counts|country|device|domain|enabled|einwilligung|expiry|"
    r"flag|format|frequency|has|hash|hashed|is|length|marketing|md|missing|model|offers?|opens?|"
    r"opened|opt|optin|optout|os|permission|plan|platform|preferences?|preferred|provider|"
    r"revenue|score|sent|service|sessions?|sha|source|statut|status|subscribed|"
    r"subscription|tariff|template|total|type|typ|usage|valid|validated|verified|version|visits?|"
    r"zustimmung|zone)\b"
)
_TIMES: Final = re.compile(
    r"\b(at|changed|created|date|datum|day|hour|modified|month|since|time|timestamp|updated|"
    r"week|year)\b"
)

_WORD_ENDS: Final = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])"
)
_ACCENTS: Final = re.compile(r"[\u0300-\u036f]")

# Words of Latin letters are looked for in a name of small letters without accents, a space
# between its words; the others anywhere.
_WORDS: Final[dict[Subject, str]] = {
    "e-mail": r"\be ?mails?\b|\bmail ?(address|adresse)\b|\bcourriel\b|\bcorreo\b"
    r"|이메일|메일|メール|邮箱|郵箱|电子邮件|電子郵件",
    "telephone": r"\b(tele)?phones?\b|\bphone ?(number|no|nr)\b|\btel\b|\bmobiles?\b"
    r"|\bmobile ?(number|no)\b|\bcell\b|\bcellphone\b|\bhandy|\btelefon|\bmobil|\brufnummer"
    r"|\bmsisdn\b|\bwhatsapp\b|\bfax|\bportable\b|\bmovil\b|\bcelular\b|\bcellulare\b|\btelefoon"
    r"|전화|휴대폰|핸드폰|연락처|電話|携帯|电话|手机",
    "payment card": r"\b(credit|debit|payment|bank) ?card|\bcc ?(number|num|no|nr)\b"
    r"|\bkreditkarte|\bcarte (bancaire|bleue|de credit)\b|\bnumero de carte\b"
    r"|\btarjeta( de credito)?\b|\bcarta di credito\b|\bcard pan\b"
    r"|신용카드|카드번호|クレジットカード|信用卡",
    "bank account": r"\biban\b|\bbank ?(account|konto|verbindung)\b|\bkontonummer\b"
    r"|\bcompte bancaire\b|\bcuenta bancaria\b|\bconto corrente\b|계좌|口座|银行账号",
    "national id": r"\bssn\b|\bsocial ?security\b|\bsozialversicherung|\bnational ?id|\bpassport"
    r"|\b(reise)?pass ?nummer\b|\breisepass|\bpersonalausweis|\bausweisnummer\b|\bnino\b"
    r"|\bnational insurance\b|\bnir\b|\bsecurite sociale\b|\bpasseport\b|\bdni\b|\bnie\b|\bnif\b"
    r"|\bpasaporte\b|\bpassaporto\b|\bcodice ?fiscale\b|\bsteuer ?(id|nummer)|\btax ?id\b"
    r"|\bpersonnummer\b|\bbsn\b|\brrn\b|\bcpf\b|\bpesel\b"
    r"|주민등록번호|주민번호|여권|マイナンバー|旅券|身份证|護照|护照",
    "person": r"^name$|\b(first|last|full|middle|given|family|maiden|legal|customer|client|member"
    r"|contact|person|billing|shipping) ?names?\b|\bsurname\b|\bforename\b|\bvorname|\bnachname"
    r"|\bfamilienname|\bgeburtsname|\bkundenname|^nom$|\bnom (de famille|du client|complet)\b"
    r"|\bprenom\b|\bapellidos?\b|^nombre$|\bnombre (completo|del cliente)\b|^nome$|\bcognome\b"
    r"|\bvoornaam\b|\bachternaam\b|이름|성명|성함|氏名|姓名|名前",
    "birth date": r"\bbirth ?(day|date)\b|\bdate ?of ?birth\b|\bdob\b|\bborn\b|\bgeburts(tag|datum)"
    r"|\bgeb(oren)?\b|\bnaissance\b|\bnacimiento\b|\bnascita\b|\bnascimento\b"
    r"|생년월일|생일|生年月日|誕生日|出生",
    "address": r"^(street|strasse|rue|calle|address|adresse|anschrift|addr)( ?[0-9])?$"
    r"|\b(street|postal|home|billing|shipping|delivery|mailing|residential|customer|post)"
    r" ?(address|addr|adresse)|\baddress ?(line|[0-9])|\bstreet (name|line|and)"
    r"|\bstrasse\b|\banschrift|\bwohnort\b|\bpostanschrift|\bdireccion\b|\bdomicilio\b"
    r"|\bindirizzo\b|\bendereco\b|\bhausnummer\b|주소|住所|地址",
    "ip": r"\bip\b|\bi ?p ?v ?[46]\b|\bip(addr|address|adresse)\b|ip주소",
    "date": r"\bdates?\b|\bdatum\b|\b\w+datum\b|\b(birth|start|end|order|join)?day\b|\bdob\b"
    r"|\bbirth|\bgeburts|\btimestamp\b|\b(joined|created|modified|updated|changed|expires|expired)\b"
    r"|\bexpiry\b|\bsince\b|\bseit\b|\b(at|on)$|\bfecha\b|\bdata (di|de|do)\b|\bjour\b"
    r"|\b(visit|order|purchase|login|contact)ed? time\b"
    r"|날짜|일자|일시|생일|가입일|日付|日期|年月日",
}
_SUBJECTS: Final = {subject: re.compile(words) for subject, words in _WORDS.items()}
# Words that a name of one subject may have in it, though it is one about the thing elsewhere.
_TIMELESS: Final = frozenset({"birth date", "date"})


def speaks_of(name: str, subject: Subject) -> bool:
    """Say whether the column *name* is that of a column that holds *subject*.

    >>> speaks_of("E-Mail", "e-mail"), speaks_of("emailOptIn", "e-mail")
    (True, False)
    >>> speaks_of("Geburtsdatum", "birth date"), speaks_of("전화번호", "telephone")
    (True, True)
    """
    plain = in_words(name)
    if not _SUBJECTS[subject].search(plain):
        return False
    if subject == "date":
        return True
    return not (_ABOUT.search(plain) or (subject not in _TIMELESS and _TIMES.search(plain)))


def in_words(name: str) -> str:
    """Give *name* in small letters without accents, a space between its words.

    >>> in_words("customerE-Mail_ADDRESS"), in_words("Straße"), in_words("Téléphone 2")
    ('customer e mail address', 'strasse', 'telephone 2')
    """
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", _WORD_ENDS.sub(" ", name)))
    joined = unicodedata.normalize("NFC", bare).casefold()
    return " ".join(re.findall(r"[^\W_]+", joined))
