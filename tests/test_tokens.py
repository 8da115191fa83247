"""Where a token is found, in which order, and that nothing shows it."""

from __future__ import annotations

import base64
import copy
import getpass
import io
import pickle
import subprocess
import sys
import traceback
import warnings
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import InputError

keyring = pytest.importorskip("keyring")
backend = pytest.importorskip("keyring.backend")

CANARY = "canary-5d1e/token+x="


class Kept(backend.KeyringBackend):
    """A keyring that holds what a test puts there."""

    priority = 1

    def __init__(self, **entries):
        super().__init__()
        self.entries = entries
        self.asked = []

    def get_password(self, service, username):
        self.asked.append((service, username))
        return self.entries.get(username)

    def set_password(self, service, username, password):
        raise NotImplementedError

    def delete_password(self, service, username):
        raise NotImplementedError


class Locked(Kept):
    def get_password(self, service, username):
        super().get_password(service, username)
        raise keyring.errors.KeyringLocked


@pytest.fixture
def kept(monkeypatch):
    """Put a keyring of the test's own in place of the system's."""
    before = keyring.get_keyring()

    def put(own):
        keyring.set_keyring(own)
        return own

    monkeypatch.delenv("TBPU_TOKEN", raising=False)
    yield put
    keyring.set_keyring(before)


@pytest.fixture
def typed(monkeypatch):
    """Let somebody sit at a terminal, who types this when asked."""

    def answer(text):
        asked = []

        def ask(prompt):
            asked.append(prompt)
            if isinstance(text, BaseException):
                raise text
            return text

        monkeypatch.setattr(getpass, "getpass", ask)
        monkeypatch.setattr("sys.stdin", Terminal())
        return asked

    return answer


class Terminal(io.StringIO):
    def isatty(self):
        return True


def text_of(token):
    """What the token would show to Target."""
    return token.in_clear()


# --- where it is found --------------------------------------------------------------------


def test_the_environment_comes_first(kept, typed, monkeypatch):
    ring, asked = kept(Kept(acme="from-the-keyring")), typed("typed")
    monkeypatch.setenv("TBPU_TOKEN", "from-the-environment")
    assert text_of(tbpu.Token.find("acme")) == "from-the-environment"
    assert (ring.asked, asked) == ([], [])


def test_the_keyring_comes_second_with_the_client_code_as_its_user(kept, typed):
    ring, asked = kept(Kept(acme="from-the-keyring", other="another")), typed("typed")
    assert text_of(tbpu.Token.find("acme")) == "from-the-keyring"
    assert (ring.asked, asked) == ([("tbpu_toolkit", "acme")], [])
    assert text_of(tbpu.Token.find("other")) == "another"


def test_an_empty_variable_is_none(kept, monkeypatch):
    kept(Kept(acme="from-the-keyring"))
    monkeypatch.setenv("TBPU_TOKEN", "")
    assert text_of(tbpu.Token.find("acme")) == "from-the-keyring"


def no_backend():
    from keyring.backends.fail import Keyring  # noqa: PLC0415 - what a bare machine has

    return Keyring()


@pytest.mark.parametrize("ring", [Kept, Locked, no_backend])
def test_asking_comes_last(kept, typed, ring):
    kept(ring())
    asked = typed("  typed\n")
    assert text_of(tbpu.Token.find("acme")) == "typed"
    (prompt,) = asked
    assert "'acme'" in prompt


@pytest.mark.parametrize("ring", [Kept, Locked, no_backend])
def test_none_of_them_is_one_sentence(kept, typed, ring):
    kept(ring())
    asked = typed("typed")
    with pytest.raises(InputError, match=r"no token for 'acme'.*TBPU_TOKEN.*keyring"):
        tbpu.Token.find("acme", ask=False)
    assert asked == []
    assert tbpu.Token.kept("acme") is None


def test_nobody_is_asked_where_nobody_can_answer(kept, monkeypatch):
    kept(Kept())
    asked = []
    monkeypatch.setattr(getpass, "getpass", lambda *_: asked.append(1))
    for stdin in (io.StringIO(), None):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(InputError, match="nobody can be asked"):
            tbpu.Token.find("acme")
    assert asked == []


@pytest.mark.parametrize("text", ["", "   ", EOFError(), NotImplementedError()])
def test_no_answer_is_no_token(kept, typed, text):
    """NotImplementedError is what a notebook that runs by itself raises when it is asked."""
    kept(Kept())
    typed(text)
    with pytest.raises(InputError, match="no token for 'acme'"):
        tbpu.Token.find("acme")


def test_it_is_not_asked_for_where_it_would_be_seen(kept, typed, monkeypatch):
    kept(Kept())
    typed("")
    shown = []

    def echoing(prompt):
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        shown.append(prompt)
        return CANARY

    monkeypatch.setattr(getpass, "getpass", echoing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as a program of somebody else's may have it
        with pytest.raises(InputError):
            tbpu.Token.find("acme")
    assert shown == []


def test_a_stop_while_asking_is_a_stop(kept, typed):
    kept(Kept())
    typed(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        tbpu.Token.find("acme")


def test_a_notebook_can_be_asked(kept, typed, monkeypatch):
    kept(Kept())
    asked = typed("typed")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    class Shell:
        kernel = object()

    class IPython:
        get_ipython = staticmethod(Shell)

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert text_of(tbpu.Token.find("acme")) == "typed"
    assert len(asked) == 1


def test_keyring_need_not_be_installed(monkeypatch):
    monkeypatch.delenv("TBPU_TOKEN", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if it were not there
    assert tbpu.Token.kept("acme") is None


def test_keyring_is_not_imported_before_it_is_needed():
    code = (
        "import sys, tbpu_toolkit as t; t.Token('a'); t.TargetClient('acme', token='a');"
        "t.Token.kept('acme'); print('keyring' in sys.modules)"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(words, capture_output=True, text=True, check=True, env={"TBPU_TOKEN": "t"})
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("bad", ["two words", "line\n", "ü"])
def test_what_is_kept_and_no_token_is_named_by_its_place(kept, typed, monkeypatch, bad):
    kept(Kept(acme=f"{CANARY}{bad}"))
    with pytest.raises(InputError, match="in the keyring") as caught:
        tbpu.Token.find("acme")
    assert CANARY not in _seen(caught.value)
    monkeypatch.setenv("TBPU_TOKEN", f"{CANARY}{bad}")
    with pytest.raises(InputError, match="environment variable TBPU_TOKEN") as caught:
        tbpu.Token.find("acme")
    assert CANARY not in _seen(caught.value)
    monkeypatch.delenv("TBPU_TOKEN")
    kept(Kept())
    typed(f"{CANARY}x{bad}y")
    with pytest.raises(InputError, match="typed") as caught:
        tbpu.Token.find("acme")
    assert CANARY not in _seen(caught.value)


# --- how it is kept from being seen -------------------------------------------------------


def _seen(error):
    """What a traceback with the locals of every frame shows, but for the tests' own frames."""
    told, waiting = [], [error]
    while waiting:
        link = waiting.pop()
        if link is None:
            continue
        told.append(str(link))
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename != __file__:
                told += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        waiting += [link.__cause__, link.__context__]
    return "\n".join(told)


@pytest.mark.parametrize("bad", ["", " ", f"{CANARY} ", f"{CANARY}\n", f"{CANARY}ü", None, 5])
def test_what_is_no_token_is_refused_and_not_shown(bad):
    with pytest.raises(InputError) as caught:
        tbpu.Token(bad)
    assert CANARY not in _seen(caught.value)


def test_bytes_are_no_token():
    with pytest.raises(InputError) as caught:
        tbpu.Token(CANARY.encode())
    assert CANARY not in _seen(caught.value)


def test_it_prints_as_secure():
    token = tbpu.Token(CANARY)
    for text in (repr(token), str(token), f"{token}", f"{token!r}", f"{token!s:>30}"):
        assert text.strip() == "[secure]"
    assert f"{token:<10}" == "[secure]  "
    assert CANARY not in repr([token, {"token": token}, (token,)])
    assert "%s" % token == "[secure]"  # noqa: UP031 - logging writes so


def test_it_has_no_dict_and_can_not_be_stored_or_copied():
    token = tbpu.Token(CANARY)
    with pytest.raises(TypeError):
        vars(token)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(token, protocol)
        assert CANARY not in str(caught.value)
    for make in (copy.copy, copy.deepcopy, lambda thing: thing.__reduce__()):
        with pytest.raises(TypeError) as caught:
            make(token)
        assert CANARY not in str(caught.value)


def test_comparing_tells_nothing():
    token, same = tbpu.Token(CANARY), tbpu.Token(CANARY)
    assert token == token  # noqa: PLR0124 - that is the point
    assert token != same
    assert token != CANARY
    assert len({token, same}) == 2
    with pytest.raises(TypeError):
        assert token < same


def test_a_client_takes_one_and_asks_no_more():
    token = tbpu.Token(CANARY)
    client = tbpu.TargetClient("acme", token=token)
    assert client.has_token
    assert CANARY not in repr(client) + repr(vars(client))


def test_a_client_of_a_foreign_host_is_refused_with_one_as_with_its_text():
    with pytest.raises(InputError) as caught:
        tbpu.TargetClient("acme", token=tbpu.Token(CANARY), base_url="https://evil.example")
    assert CANARY not in _seen(caught.value)


# --- what others say of it ----------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        quote(CANARY, safe="").lower(),
        CANARY.replace("/", "\\/"),
    ],
)
def test_it_is_hidden_in_every_spelling_of_pages(form):
    said = f"<p>authorization: Bearer {form}</p>{form}".encode()
    assert tbpu.Token(CANARY).hide(said) == b"<p>authorization: Bearer [secure]</p>[secure]"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('quo"te-<x>&token', "quo&quot;te-&lt;x&gt;&amp;token"),
        ('quo"te-token', 'quo\\"te-token'),
        ("back\\slash-token", "back\\\\slash-token"),
    ],
)
def test_escaped_signs_hide_nothing(text, form):
    assert tbpu.Token(text).hide(form.encode()) == b"[secure]"


@pytest.mark.parametrize("size", range(6, len(CANARY)))
def test_a_beginning_is_hidden_where_the_answer_broke_off_in_it(size):
    token, said = tbpu.Token(CANARY), f"Bearer {CANARY[:size]}".encode()
    assert token.hide(said, has_ended=False) == b"Bearer [secure]"
    assert token.hide(said) == said


def test_a_short_token_is_not_looked_for():
    """It may be a word that an answer needs: to read the answer rightly matters more."""
    said = b"<response><success>true</success></response>"
    assert tbpu.Token("true").hide(said) == said
    assert tbpu.Token("success").hide(said) == said


def test_base64_is_not_looked_for():
    """As the docstring says."""
    said = base64.b64encode(CANARY.encode())
    assert tbpu.Token(CANARY).hide(said) == said


_SIGNS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="[]")


@given(st.text(_SIGNS, min_size=8), st.binary())
@example("aaaaaaaa", b"aaaa")
def test_no_answer_shows_it_again(text, around):
    token = tbpu.Token(text)
    assert text.encode() not in token.hide(around + text.encode() + around)
    assert token.hide(b"nothing of it here") == b"nothing of it here"


# --- in the shell -------------------------------------------------------------------------


def shell(*words):
    from tbpu_toolkit.cli import main  # noqa: PLC0415 - it brings little, but not nothing

    return main([str(word) for word in words])


def test_a_command_looks_in_the_keyring_and_asks_nobody(kept, typed, make_run):
    """A run of which nothing was sent is looked at without a call."""
    ring, asked = kept(Kept()), typed("typed-in-the-shell")
    assert shell("status", make_run(1).folder, "--client", "acme") == 0
    assert (ring.asked, asked) == ([("tbpu_toolkit", "acme")], [])


def test_a_command_asks_where_it_is_told_to_and_none_is_kept(kept, typed, make_run, capsys):
    folder = make_run(1).folder
    kept(Kept())
    asked = typed("typed-in-the-shell")
    assert shell("status", folder, "--client", "acme", "--ask-token") == 0
    assert len(asked) == 1
    kept(Kept(acme="from-the-keyring"))
    assert shell("status", folder, "--client", "acme", "--ask-token") == 0
    assert len(asked) == 1
    kept(Kept())
    typed("")
    assert shell("status", folder, "--client", "acme", "--ask-token") == 2
    told = capsys.readouterr()
    assert "no token for 'acme'" in " ".join(told.err.split())
    assert "typed-in-the-shell" not in told.out + told.err


def test_a_sandbox_is_not_shown_the_token_of_the_keyring(kept, typed, make_run, sandbox):
    ring, asked = kept(Kept(acme="from-the-keyring")), typed("typed")
    assert shell("send", make_run(1).folder, "--client", "acme", "--base-url", sandbox.url) == 0
    assert (ring.asked, asked) == ([], [])


def test_a_token_can_not_be_said_on_the_command_line(make_run, capsys):
    with pytest.raises(SystemExit):
        shell("send", make_run(1).folder, "--client", "acme", "--token", CANARY)
    assert "--token" in capsys.readouterr().err
