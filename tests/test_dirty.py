"""What becomes of the tables that analysts really bring, file by file in ``data/dirty/``."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

import tbpu_toolkit as tbpu
from tbpu_toolkit import cli

DIRTY = Path(__file__).parents[1] / "data" / "dirty"
SALT = "a salt that only this test knows"


@dataclass(frozen=True)
class Case:
    """A table, how it is mapped, and what becomes of it.

    ``sent`` has a text a row, its cells apart by ``¦``; ``rejected`` row -> codes; ``others`` the
    codes of all other findings, exactly. Columns keep their names as parameters, if no words of
    ``parameters`` say otherwise.
    """

    name: str
    table: str | pd.DataFrame  # the name of a file in data/dirty, or a table in memory
    key: str
    columns: str = ""
    sent: tuple[str, ...] = ()
    rejected: dict[int, str] = field(default_factory=dict)
    others: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)  # words of tbpu.File
    words: dict[str, Any] = field(default_factory=dict)  # of tbpu.Mapping
    encoding: str = "utf-8-sig"  # of a file of text, and what stands between its cells
    separator: str = ","
    salt: str | None = None
    merged: int = 0
    empty: int = 0
    is_held: bool = False  # nothing at all is sent

    @property
    def mapping(self):
        parameters = {name: name for name in self.columns.split()} | self.parameters
        return tbpu.Mapping(
            self.key, **{"key_type": "thirdPartyId", "parameters": parameters} | self.words
        )

    @property
    def data(self):
        is_file = isinstance(self.table, str)
        return tbpu.File(DIRTY / self.table, **self.read) if is_file else self.table


def every(code, rows):
    return dict.fromkeys(range(1, rows + 1), code)


def objects(**columns):
    return pd.DataFrame(columns, dtype=object)


def digest(text):
    return hashlib.sha256(f"{SALT}{text}".encode()).hexdigest()


GERMAN = ("K-1001¦Zürich¦Gold", "K-1002¦Köln¦Silber", "K-1003¦Łódź¦Bronze", "K-1004¦Straßburg¦Gold")
KOREAN = (
    "M0001¦서울¦골드", "M0002¦부산¦실버", "M0003¦대구¦브론즈", "M0004¦인천¦골드",
    "M0005¦광주¦실버", "M0006¦대전¦브론즈",
)  # fmt: skip
PROOF = "contact proof paid last_name tier"
NESTED = ("C-1¦gold", "C-2¦silver", "C-3¦bronze", "C-4¦gold", "C-5¦silver")

CASES = (
    # --- 1: ids that Excel took for numbers ---
    Case(
        "ids as Excel shows them", "01_excel_ids.csv", "Kundennummer", "Stufe Punkte",
        ("400399415548¦Gold¦1200", "KD-77810¦Gold¦990", "5050E3¦Silber¦45",
         "400399415551¦Gold¦12"),
        {2: "KEY005", 3: "KEY005", 6: "KEY005"}, "KEY013", separator=";",
    ),
    Case(
        "ids of which Excel kept 15 digits", "01_cut_ids.csv", "card_number", "tier points",
        ("6299012345678100¦gold¦1200", "6299012345679300¦silver¦310", "6299012345680200¦bronze¦15",
         "6299012345680700¦gold¦990", "W-1001¦silver¦45"),
        others="KEY014",
    ),
    Case(
        "the workbook itself, which shows 4.00E+11", "01_excel_ids.xlsx", "Kundennummer",
        "Filiale Stufe Punkte",
        ("400399415548¦42¦Gold¦1200", "400399415549¦7¦Silber¦310.5", "400399415550¦10117¦Bronze¦",
         "400399415552¦42¦Silber¦0", "400399415553¦7¦Gold¦990"),
        {4: "KEY001"}, "SRC013 BLK001",
    ),
    # --- 2: ids that were floats ---
    Case(
        "floats because of one blank", "02_float_ids.parquet", "customer_id", "tier visits",
        ("1001¦gold¦3", "1002¦silver¦", "1004¦gold¦12", "1005¦silver¦7", "1006¦bronze¦2"),
        {3: "KEY001"}, "KEY021 BLK001",
    ),
    Case(
        "texts that were floats", "02_float_ids.csv", "customer_id", "tier visits",
        ("1001.0¦gold¦3.0", "1002.0¦silver¦", "1004¦bronze¦12.0", "1005.0¦gold¦7.0"),
        others="KEY010 BLK001",
    ),
    Case(
        "floats beyond 2^53", "02_large_float_ids.parquet", "card", "tier",
        rejected=every("KEY006", 4), others="KEY015 KEY021", is_held=True,
    ),
    # --- 3: leading zeros ---
    Case(
        "leading zeros in a text", "03_leading_zeros.csv", "store_card", "ville points",
        ("00042¦Lyon¦0120", "00043¦Paris¦007", "00107¦Nîmes¦15", "01250¦Lille¦0"), separator="\t",
    ),
    Case(
        "integers that may have lost theirs", "03_lost_zeros.parquet", "store_card", "ville",
        ("42¦Lyon", "43¦Paris", "107¦Nîmes", "1250¦Lille", "100042¦Brest"),
        others="KEY015",
    ),
    # --- 4: encodings ---
    Case("UTF-8 with a BOM", "04_utf8_bom.csv", "Kunde", "Ort Stufe", GERMAN, separator=";"),
    Case(
        "UTF-16, Excel's 'Unicode text'", "04_utf16.tsv", "Kunde", "Ort Stufe", GERMAN,
        encoding="utf-16", separator="\t",
    ),
    Case(
        "Windows-1252", "04_windows.csv", "Kunde", "Ort Stufe",
        ("K-1001¦Zürich¦5 €", "K-1002¦Köln¦Silber", "K-1003¦Besançon – Gare¦Bronze",  # noqa: RUF001
         "K-1004¦Straßburg¦5 €"),
        others="SRC002 TXT003", encoding="cp1252", separator=";",
    ),
    Case(
        "Korean, guessed", "04_korean.csv", "고객번호", "도시 등급", KOREAN, others="SRC002",
        encoding="cp949",
    ),
    Case(
        "Korean, as was said", "04_korean.csv", "고객번호", "도시 등급", KOREAN,
        read={"encoding": "cp949"}, encoding="cp949",
    ),
    Case(
        "read in the wrong encoding elsewhere", "04_mojibake.csv", "cliente", "cidade nivel",
        ("C-2001¦SÃ£o Paulo¦ouro", "C-2002¦São Luís¦prata", "C-2003¦BrasÃ\xadlia¦bronze",
         "C-2004¦Rio de Janeiro¦ouro"),
        others="TXT013 TXT011",
    ),
    # --- 5: ECIDs ---
    Case(
        "ECIDs among pcIds", "05_ecids.csv", "visitor", "segment score",
        ("1f9e5c2ab7d84e63a0c1.35_0¦new¦3", "6b2d90f1ce4a4875b3e8.28_0¦frequent¦9"),
        {1: "KEY004", 3: "KEY004"}, words={"key_type": "pcId", "site_uses_ecid": True},
    ),
    Case(
        "pcIds of a site of which nothing is known", "05_ecids.csv", "visitor", "segment score",
        rejected={1: "KEY004, MAP003", 2: "MAP003", 3: "KEY004, MAP003", 4: "MAP003"},
        words={"key_type": "pcId"}, is_held=True,
    ),
    Case(
        "ECIDs among thirdPartyIds", "05_ecids.csv", "visitor", "segment score",
        ("52149388617430296811304957720315688402¦frequent¦12", "1f9e5c2ab7d84e63a0c1.35_0¦new¦3",
         "80265577190438126650911274380055219467¦lapsed¦7",
         "6b2d90f1ce4a4875b3e8.28_0¦frequent¦9"),
        others="KEY008",
    ),
    Case(
        "ECIDs as floats", "05_float_ecids.parquet", "visitor", "segment",
        rejected=every("KEY006", 3), words={"key_type": "pcId", "site_uses_ecid": True},
        is_held=True,
    ),
    # --- 6: signs in ids ---
    Case(
        "base64, an address, spaces, 257 letters", "06_signs_in_ids.csv", "id", "tier",
        ("anna schmidt¦gold", " A-1004¦silver", "A-1005\xa0¦bronze", "A\u200b-1006¦gold",
         f"{'y' * 129}¦bronze", "A-1009¦gold", "A%2B1010¦silver", "YWJj-ZA_¦bronze"),
        {1: "KEY003", 2: "KEY003", 3: "KEY003", 8: "KEY002"}, "KEY009 KEY011 KEY017 KEY020",
    ),
    Case(
        "telephone numbers as ids", "06_phones_as_ids.csv", "telefon", "stufe",
        rejected={1: "KEY003, PRI002", 2: "KEY003, PRI002", 3: "PRI002", 4: "PRI002"},
        is_held=True,
    ),
    Case(
        "telephone numbers as ids, allowed", "06_phones_as_ids.csv", "telefon", "stufe",
        ("K-1003¦bronze", "K-1004¦gold"), {1: "KEY003", 2: "KEY003"}, "PRI002",
        words={"personal_data": "allow"},
    ),
    # --- 7: words for nothing ---
    Case(
        "NA, None, NULL and nan as texts", "07_words_for_nothing.csv", "customer", "country tier",
        ("C-1¦NA¦gold", "NA¦DE¦silver", "C-7¦nan¦None", "C-8¦NULL¦null", "C-9¦¦gold",
         "C-10¦#N/A¦none"),
        {3: "KEY019", 4: "KEY019", 5: "KEY019", 6: "KEY019"}, "TXT007 TXT016 BLK001",
    ),
    Case(
        "NaN, NaT and null as values", "07_missing_values.parquet", "customer", "spent tier since",
        ("C-1¦12.5¦gold¦2024-03-01T09:30:00", "C-3¦¦¦2025-01-01T00:00:00"),
        {4: "KEY001", 5: "KEY019"}, "BLK001 BLK002", empty=1,
    ),
    # --- 8: an id twice ---
    Case(
        "of an id's different rows none", "08_duplicate_ids.csv", "member", "tier points city",
        ("M-1¦gold¦1200¦Gent", "M-2¦silver¦310¦Brugge", "M-4¦gold¦80¦Namur", "m-4¦gold¦81¦Namur"),
        dict.fromkeys((4, 5, 8, 9, 10), "DUP001"), "DUP002 KEY016 BLK001", merged=1,
    ),
    Case(
        "the first", "08_duplicate_ids.csv", "member", "tier points city",
        ("M-1¦gold¦1200¦Gent", "M-2¦silver¦310¦Brugge", "M-3¦bronze¦15¦Leuven",
         "M-4¦gold¦80¦Namur", "m-4¦gold¦81¦Namur", "M-5¦silver¦5¦Liège"),
        others="DUP002 DUP003 KEY016 BLK001", words={"duplicates": "first"}, merged=4,
    ),
    Case(
        "the last", "08_duplicate_ids.csv", "member", "tier points city",
        ("M-1¦gold¦1200¦Gent", "M-2¦silver¦310¦Brugge", "M-3¦silver¦¦Mechelen",
         "M-4¦gold¦80¦Namur", "m-4¦gold¦81¦Namur", "M-5¦gold¦6¦"),
        others="DUP002 DUP003 KEY016 BLK001", words={"duplicates": "last"}, merged=4,
    ),
    Case(
        "the last of each value", "08_duplicate_ids.csv", "member", "tier points city",
        ("M-1¦gold¦1200¦Gent", "M-2¦silver¦310¦Brugge", "M-3¦silver¦15¦Mechelen",
         "M-4¦gold¦80¦Namur", "m-4¦gold¦81¦Namur", "M-5¦gold¦6¦Liège"),
        others="DUP002 DUP003 KEY016 BLK001", words={"duplicates": "merge"}, merged=4,
    ),
    # --- 9: blanks ---
    Case(
        "blanks that are to clear a value", "09_blanks.csv", "customer",
        "tier newsletter fax_optin",
        ("C-1¦gold¦yes¦", "C-2¦¦no¦", "C-3¦silver¦¦", "C-5¦¦yes¦", "C-6¦bronze¦ ¦"),
        others="TXT014 BLK001 BLK002 BLK003", empty=1,
    ),
    # --- 10: numbers ---
    Case(
        "decimal commas", "10_decimal_commas.csv", "Kunde", "Umsatz Rabatt Warenkorb Bestellungen",
        ("K-1¦1.234,56¦5 %¦12,50 €¦1.200", "K-2¦12,5¦7,5 %¦1.099,00 €¦310",
         "K-3¦0,99¦0 %¦0,99 €¦15", "K-4¦100¦10 %¦5,00 €¦2"),
        others="TXT001 TXT003 TXT017", separator=";",
    ),
    Case(
        "decimal commas under a number's format", "10_decimal_commas.csv", "Kunde",
        sent=("K-4¦100.00",), rejected=every("VAL005", 3), others="MAP005",
        parameters={"Umsatz": tbpu.Parameter("revenue", "0.00")}, separator=";",
    ),
    Case(
        "separators between thousands", "10_thousands.csv", "customer", "revenue basket",
        ("C-1¦1,234.56¦$1,099.00", "C-2¦12,000¦$5.00", "C-3¦0.99¦$0.99"),
        others="TXT002 TXT003",
    ),
    Case(
        "floats and decimals", "10_floats.parquet", "customer", "revenue discount",
        ("C-1¦0.30000000000000004¦29.5¦2.68", "C-2¦10000000000000000¦0.05¦0.00",
         "C-3¦0.0000001¦¦1234567.01", "C-4¦29¦1000¦-0.13"),
        {5: "VAL001"}, "VAL010 BLK001", {"basket": tbpu.Parameter("basket", "0.00")},
    ),
    # --- 11: types ---
    Case(
        "booleans and categories", "11_types.parquet", "customer",
        "is_member shoe_size tier opted_in has_app",
        ("C-1¦true¦42¦gold¦true¦false", "C-2¦¦39¦silver¦false¦true", "C-3¦false¦¦gold¦false¦",
         "C-4¦true¦42¦¦true¦true"),
        others="BLK001",
    ),
    Case(
        "booleans by their formats", "11_types.parquet", "customer",
        sent=("C-1¦1¦yes", "C-2¦¦no", "C-3¦0¦no", "C-4¦1¦yes"), others="MAP005 BLK001",
        parameters={
            "is_member": tbpu.Parameter("isMember", "1/0"),
            "opted_in": tbpu.Parameter("optedIn", "yes/no"),
        },
    ),
    Case(
        "several types in a column",
        pd.DataFrame(
            {
                "customer": ["C-1", "C-2", "C-3", "C-4", "C-5", "C-6"],
                "size": pd.Series(["1", 1, 1.0, True, None, np.float32(0.1)], dtype=object),
                "tier": pd.Categorical(["gold", "silver", None, "gold", "gold", "silver"]),
                "shoe": pd.Categorical([42, 39, 42, None, 39, 42]),
            }
        ),
        "customer", "size tier shoe",
        ("C-1¦1¦gold¦42", "C-2¦1¦silver¦39", "C-3¦1¦¦42", "C-4¦true¦gold¦", "C-5¦¦gold¦39",
         "C-6¦0.1¦silver¦42"),
        others="VAL009 BLK001",
    ),
    # --- 12: dates and times ---
    Case(
        "dates, times and zones", "12_times.parquet", "customer",
        "joined last_visit last_order first_session",
        ("C-1¦2024-03-01¦2026-01-01T00:00:00¦2026-01-01T00:00:00Z¦2026-01-01T00:00:00",
         "C-2¦2024-02-29¦2026-01-01T08:30:00¦2026-06-01T15:45:00Z¦1970-01-01T00:00:00",
         "C-4¦1999-12-31¦2026-01-01T08:30:00.5¦2026-01-01T00:00:00Z¦2026-01-01T08:30:00.5"),
        others="BLK001 BLK002 VAL012", empty=1,
    ),
    Case(
        "times by their formats", "12_times.parquet", "customer",
        sent=("C-1¦2026-01-01¦2026-01-01T00:00:00Z¦1767225600000",
              "C-2¦2026-01-01¦2026-06-01T15:45:00Z¦0",
              "C-4¦2026-01-01¦2026-01-01T00:00:00Z¦1767256200500"),
        others="MAP005 BLK001 BLK002 VAL012",
        parameters={
            "last_visit": tbpu.Parameter("lastVisit", "date"),
            "last_order": tbpu.Parameter("lastOrder", "iso"),
            "first_session": tbpu.Parameter("firstSession", "epoch_ms"),
        },
        empty=1,
    ),
    Case(
        "day or month, and Excel's days", "12_ambiguous_dates.csv", "customer",
        "joined renewed order_date",
        ("C-1¦03/04/2024¦13/04/2024¦45123", "C-2¦04/04/2024¦04/13/2024¦45200",
         "C-3¦25/12/2023¦2024-05-01¦", "C-4¦2024-02-29¦¦44927"),
        others="TXT004 TXT005 TXT021 VAL011 BLK001",
    ),
    Case(
        "times with a zone among times without", "12_mixed_zones.csv", "customer",
        "tier last_visit", rejected=every("TXT006", 4), is_held=True,
    ),
    # --- 13: texts ---
    Case(
        "line ends, quotes, formulas, emoji", "13_hostile_texts.csv", "customer", "note",
        ("C-1¦1 Main St\nUlm", "C-2¦Frankfurt, Main", 'C-3¦He said "hi"',
         "C-4¦Salt & Pepper = 50% + more?", "C-6¦👩\u200d👧 Familie", "C-7¦=HYPERLINK(1)",
         "C-8¦<b>bold</b> <script>alert(1)</script>", "C-10¦ outer space", "C-11¦go\u200bld",
         "C-12¦Zu\u0308rich", "C-13¦naïve – “quoted”"),  # noqa: RUF001
        {5: "TXT008", 9: "KEY018"}, "TXT009 TXT011 TXT012 TXT014 TXT015",
    ),
    Case("NUL", "13_nul.csv", "customer", "note", ("C-1¦gold", "C-3¦silver"), {2: "TXT008"}),
    Case(
        "encoded before", "13_encoded_twice.csv", "customer", "city link",
        ("C-1¦S%C3%A3o%20Paulo¦https://shop.example/a%20b", "C-2¦Ulm¦https://shop.example/c",
         "C-3¦Z%C3%BCrich¦", "C-4¦K%C3%B6ln¦https://shop.example/100%25"),
        others="TXT010 BLK001",
    ),
    Case(
        "half a character",
        objects(customer=["C-1", "C-2", "C-\udc803"], note=["fine", "half \ud83d", "fine, too"]),
        "customer", "note", ("C-1¦fine",), {2: "VAL003", 3: "VAL003"},
    ),
    # --- 14: length ---
    Case(
        "long texts and wide rows", "14_long_texts.csv.gz", "customer", "about history",
        (f"C-1¦{'a' * 256}¦short", f"C-2¦{'b' * 257}¦{'é' * 300}", f"C-3¦short¦{'c' * 48_100}",
         "C-5¦short¦shorter"),
        {4: "SIZ001"}, "SIZ002 VAL004",
    ),
    # --- 15: nested and personal ---
    Case(
        "lists, structs and bytes", "15_nested.parquet", "customer", "wishes home photo tier",
        ("C-4¦¦¦¦gold",), dict.fromkeys((1, 2, 3, 5), "VAL002"), "BLK001",
    ),
    Case("not mapped", "15_nested.parquet", "customer", "tier", NESTED, others="MAP005"),
    Case(
        "lists joined, structs as JSON", "15_nested.parquet", "customer", "tier",
        ('C-1¦gold¦red wine|cheese¦{"city":"Zürich","zip":"8001"}',
         'C-2¦silver¦tea¦{"city":"Ulm","zip":null}', "C-3¦bronze¦¦", "C-4¦gold¦¦"),
        {5: "VAL002"}, "MAP005 BLK001",
        {"wishes": tbpu.Parameter("wishes", "join"), "home": tbpu.Parameter("home", "json")},
    ),
    Case(
        "lists as JSON", "15_nested.parquet", "customer", "tier",
        ('C-1¦gold¦["red wine","cheese"]', 'C-2¦silver¦["tea"]', "C-3¦bronze¦[]", "C-4¦gold¦",
         'C-5¦silver¦["a|b",null]'),
        others="MAP005 BLK001", parameters={"wishes": tbpu.Parameter("wishes", "json")},
    ),
    Case(
        "personal data", "15_personal.csv", "customer", PROOF,
        rejected={  # each row's own first, then those that hold the load back with it
            1: "PRI001, PRI005, PRI003, PRI002, PRI004",
            2: "PRI002, PRI004, PRI001, PRI003, PRI005",
            3: "PRI005, PRI001, PRI002, PRI003, PRI004",
            4: "PRI005, PRI001, PRI002, PRI003, PRI004",
        },
        others="PRI006 BLK001",
        is_held=True,
    ),
    Case(
        "personal data, allowed", "15_personal.csv", "customer", PROOF,
        ("C-1¦anna.kraft@example.com¦078-05-1120¦4111 1111 1111 1111¦Kraft¦gold",
         "C-2¦+49 30 1234567¦none¦DE89 3704 0044 0532 0130 00¦O'Neill¦silver",
         "C-3¦by letter¦800101-1234560¦cash¦Dvořák¦bronze", "C-4¦¦12345678Z¦cash¦Peeters¦gold"),
        others="PRI001 PRI002 PRI003 PRI004 PRI005 PRI006 BLK001",
        words={"personal_data": "allow"},
    ),
    Case(
        "personal data as digests", "15_personal.csv", "customer", "tier",
        (f"C-1¦gold¦{digest('anna.kraft@example.com')}", f"C-2¦silver¦{digest('+49 30 1234567')}",
         f"C-3¦bronze¦{digest('by letter')}", "C-4¦gold¦"),
        others="MAP005 BLK001", parameters={"contact": tbpu.Parameter("contact", "sha256")},
        salt=SALT,
    ),
    Case(
        "personal data as digests without a salt", "15_personal.csv", "customer", "tier",
        rejected=every("MAP006", 4), others="MAP005 BLK001",
        parameters={"contact": tbpu.Parameter("contact", "sha256")}, is_held=True,
    ),
    # --- and what else they bring ---
    Case(
        "a name twice, and mapped", "r1_duplicate_names.csv", "customer", "tier points",
        rejected=every("MAP002", 3), others="MAP005", is_held=True,
    ),
    Case(
        "a name twice, as pandas numbers it", "r1_duplicate_names.csv", "customer",
        "points points.1", ("C-1¦12¦13", "C-2¦3¦4", "C-3¦7¦8"), others="NAM005 MAP005",
    ),
    Case(
        "names of Target's own making", "r2_odd_names.csv", "mbox3rdPartyId", "City city",
        ("C-1¦Gent¦gent¦gold¦12", "C-2¦Brugge¦brugge¦silver¦3", "C-3¦Leuven¦leuven¦bronze¦7"),
        others="NAM002 NAM003 NAM004 MAP005",
        parameters={"profile.tier": "tier", "loyalty points": "loyaltyPoints"},
    ),
    Case(
        "ids in an index with a name", "r3_ids_in_the_index.parquet", "customer", "tier points",
        ("00042¦gold¦12", "00043¦silver¦3", "00107¦bronze¦7"),
    ),
    Case(
        "an index without a name", "r3_index_without_a_name.parquet", "customer", "points",
        ("00042¦12", "00043¦3", "00107¦7"), others="MAP005",
    ),
    Case(
        "ids in an index without a name, in memory",
        pd.DataFrame({"tier": ["gold", "silver"]}, index=["00042", "00043"]),
        "customer", "tier", rejected=every("MAP001", 2), others="SRC017", is_held=True,
    ),
    Case(
        "lines of totals", "r4_total_rows.csv", "Kunde", "Ort Umsatz",
        ("K-1¦Bonn¦120", "K-2¦Kiel¦310", "K-3¦Jena¦15", "K-4¦Gera¦90"),
        {3: "KEY012", 6: "KEY001", 7: "KEY012"}, "BLK001", separator=";",
    ),
    Case(
        "a hidden sheet, merged cells and a total", "r5_sheets.xlsx", "client", "ville niveau",
        ("C-1¦Lyon¦or", "C-2¦¦argent", "C-3¦Lille¦bronze", "C-4¦Metz¦or"),
        {5: "KEY012"}, "SRC010 SRC011 SRC012 VAL009 BLK001",
    ),
    Case(
        "the hidden sheet, by its name", "r5_sheets.xlsx", "client", "ville niveau",
        ("X-1¦Nice¦or",), read={"sheet": "Archiv"},
    ),
    Case(
        "ids of another environment, which nobody can tell", "r6_other_environment.csv",
        "customer", "tier points",
        ("stage-000417¦gold¦1200", "stage-000418¦silver¦310", "stage-000419¦bronze¦15"),
    ),
    Case(
        "no rows", "r7_no_rows.csv", "customer", "tier points", others="MAP004", is_held=True
    ),
    Case(
        "lines with too many and too few cells", "r9_ragged_lines.csv", "customer", "city tier",
        ("C-1¦Oulu¦gold", "C-4¦Vaasa¦bronze", "C-5¦Pori¦gold"),
        {2: "SRC001", 3: "SRC001"}, "SRC004 BLK001",
    ),
)  # fmt: skip

CASE = {case.name: case for case in CASES}


# --- each of them as it is loaded, once ---------------------------------------------------


@dataclass
class Load:
    """What the toolkit said of a case, and the rows in its batch files."""

    report: tbpu.ValidationReport
    sent: list[list[str]]
    refusal: str = ""


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    known = {}

    def loaded(case):
        if case.name not in known:
            with pytest.MonkeyPatch.context() as patch:
                if case.salt:
                    patch.setenv("TBPU_SALT", case.salt)
                else:
                    patch.delenv("TBPU_SALT", raising=False)
                known[case.name] = _load(case, tmp_path_factory.mktemp("dirty") / "run")
        return known[case.name]

    return loaded


def _load(case, folder):
    try:
        run = tbpu.prepare(case.data, case.mapping, folder)
    except tbpu.ValidationError as error:
        assert not folder.exists()
        return Load(error.report, [], str(error))
    batch = b"".join(batch.path.read_bytes() for batch in run.batches)
    return Load(run.report, _rows(batch, case))


def _rows(batch, case):
    """Decode what was written; one batch holds every case."""
    head, *lines = batch.decode("ascii").splitlines()
    names = [unquote(name) for name in head.removeprefix("batch=").split(",")]
    assert names == [case.mapping.key_type, *(p.name for p in case.mapping.parameters.values())]
    return [[unquote(cell) for cell in line.split(",")] for line in lines]


def _as_param(case):
    return pytest.param(case, id=case.name)


@pytest.mark.parametrize("case", [_as_param(case) for case in CASES])
def test_what_becomes_of_it(case, load):
    loaded = load(case)
    report, counts = loaded.report, loaded.report.counts
    assert loaded.sent == [row.split("¦") for row in case.sent]
    assert dict(report.rejected[["row", "code"]].to_numpy().tolist()) == case.rejected
    told = {code for codes in case.rejected.values() for code in codes.split(", ")}
    assert set(report.findings["code"]) - told == set(case.others.split())
    assert told <= set(report.findings["code"])
    assert counts == {
        "rows_in": len(case.sent) + len(case.rejected) + case.merged + case.empty,
        "ready": len(case.sent),
        "rejected": len(case.rejected),
        "merged": case.merged,
        "empty": case.empty,
    }
    assert report.ok is not case.is_held
    assert (loaded.refusal != "") is case.is_held


@pytest.mark.parametrize("case", CASES[::8], ids=lambda case: case.name)
def test_validating_says_the_same_as_preparing(case, load):
    before, then = tbpu.validate(case.data, case.mapping), load(case).report
    assert (before.ok, before.counts) == (then.ok, then.counts)
    pd.testing.assert_frame_equal(before.findings, then.findings)
    pd.testing.assert_frame_equal(before.rejected, then.rejected)


# --- nothing is changed that the report does not name --------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if not c.is_held], ids=lambda case: case.name)
def test_what_is_sent_stands_so_at_its_source(case, load):
    """Read with other means, each cell is what is sent, or becomes it by a printed rule."""
    loaded = load(case)
    formats = {case.key: None} | {n: p.format for n, p in case.mapping.parameters.items()}
    at_source: dict[str, list[list[str]]] = {}
    for number, row in enumerate(source_rows(case, list(formats)), 1):
        if number not in case.rejected:
            told = [printed(v, how) for v, how in zip(row, formats.values(), strict=True)]
            if any(told[1:]):
                at_source.setdefault(told[0], []).append(told)
    assert Counter(row[0] for row in loaded.sent) == Counter(list(at_source))  # once, and none lost
    for row in loaded.sent:
        for cell, cells in zip(row, zip(*at_source[row[0]], strict=True), strict=True):
            assert cell in cells


def printed(value, how):
    """Write a value by the table in the README, in plain Python."""
    if value is None or value is pd.NaT or value == "" or value != value:  # noqa: PLR0124 - NaN
        return ""
    if how in FORMATS:
        return FORMATS[how](value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal, np.floating)):
        text = f"{Decimal(str(value)):f}"
        return text.rstrip("0").removesuffix(".") if "." in text else text
    if isinstance(value, dt.datetime):
        return in_iso(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def in_iso(time):
    plain = time.astimezone(dt.UTC).replace(tzinfo=None) if time.tzinfo else time
    text = plain.isoformat()
    return (text.rstrip("0") if "." in text else text) + ("Z" if time.tzinfo else "")


def in_hundredths(value):
    return f"{Decimal(str(value)).quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - of times without a zone
FORMATS = {
    "0.00": in_hundredths,
    "1/0": lambda value: "1" if value else "0",
    "yes/no": lambda value: "yes" if value else "no",
    "date": lambda value: value.date().isoformat(),
    "iso": in_iso,
    "epoch_ms": lambda value: str((value - EPOCH) // dt.timedelta(milliseconds=1)),
    "join": "|".join,
    "json": lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    "sha256": digest,
}


def source_rows(case, names):
    """Read the wanted columns with nothing that the toolkit reads with."""
    if isinstance(case.table, pd.DataFrame):
        return case.table[names].astype(object).to_numpy().tolist()
    path = DIRTY / case.table
    if path.suffix == ".parquet":
        return [[row[name] for name in names] for row in parquet.read_table(path).to_pylist()]
    head, *rows = _sheet(path, case.read) if path.suffix == ".xlsx" else _lines(path, case)
    places = [head.index(name) for name in names]
    # a ragged line has no such cell; its row is among the rejected ones
    return [[row[place] if place < len(row) else None for place in places] for row in rows]


def _lines(path, case):
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    text = io.StringIO(content.decode(case.encoding), newline="")
    before = csv.field_size_limit(1_000_000)
    try:
        return [row for row in csv.reader(text, delimiter=case.separator, strict=True) if row]
    finally:
        csv.field_size_limit(before)


X = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _sheet(path, read):
    """Read a sheet's cells from the parts of the workbook; the default is the visible one."""
    with zipfile.ZipFile(path) as book:
        names = [name for name in book.namelist() if name.endswith(".xml")]
        parts = {name: ET.fromstring(book.read(name)) for name in names}  # noqa: S314 - our own
    sheets = parts["xl/workbook.xml"].findall(f"{X}sheets/{X}sheet")
    wanted = read.get("sheet") or next(s.get("name") for s in sheets if s.get("state") is None)
    number = [sheet.get("name") for sheet in sheets].index(wanted) + 1
    shared = ["".join(item.itertext()) for item in parts["xl/sharedStrings.xml"]]
    rows = []
    for line in parts[f"xl/worksheets/sheet{number}.xml"].iter(f"{X}row"):
        row = [None] * 10
        for cell in line:
            value = cell.findtext(f"{X}v")
            if value is not None:
                place = ord(cell.get("r")[0]) - ord("A")
                row[place] = shared[int(value)] if cell.get("t") == "s" else float(value)
        rows.append(row)
    return rows


# --- the folder itself ----------------------------------------------------------------------


def test_every_file_is_tried_and_told_of():
    """The files that stand for a rule of their own are tried where the rules are."""
    numbered = {path.name for path in DIRTY.iterdir() if re.match(r"(r?\d+)_", path.name)}
    tried = {case.table for case in CASES if isinstance(case.table, str)}
    assert numbered - tried == {"r7_nothing.csv", "r8_renamed_column.csv", "r8_recipe.yaml"}
    readme = (DIRTY / "README.md").read_text(encoding="utf-8")
    held = {path.name for path in DIRTY.iterdir()} - {"README.md", ".gitattributes"}
    assert {name for name in re.findall(r"`([\w.]+\.\w+)`", readme) if name in held} == held


def test_every_case_has_a_name_of_its_own():
    assert len(CASE) == len(CASES)


def test_each_of_the_fifteen_inputs_is_there():
    numbers = {int(path.name[:2]) for path in DIRTY.glob("[0-9][0-9]_*")}
    assert numbers == set(range(1, 16))


def test_the_files_have_the_marks_and_line_ends_that_they_are_for():
    """A checkout that mends line ends would take the trouble out of them."""
    assert (DIRTY / "04_utf8_bom.csv").read_bytes().startswith(codecs.BOM_UTF8)
    assert (DIRTY / "04_utf16.tsv").read_bytes().startswith(codecs.BOM_UTF16_LE)
    assert (DIRTY / "01_excel_ids.csv").read_bytes().count(b"\r\n") == 8


# --- what no row is sent for, and no report made ----------------------------------------------


def test_a_file_of_nothing_is_one_sentence():
    case = Case("", "r7_nothing.csv", "customer", "tier")
    with pytest.raises(tbpu.SourceError, match=r"r7_nothing\.csv' is empty\. Export it again\.$"):
        tbpu.validate(case.data, case.mapping)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("profile.tier", "begins with 'profile.', which Target adds by itself. Name it 'tier'."),
        ("mbox3rdPartyId", "has the name of a key"),
    ],
)
def test_a_name_that_target_makes_itself_is_no_parameters(name, said):
    with pytest.raises(tbpu.MappingError, match=re.escape(said)):
        tbpu.Mapping("mbox3rdPartyId", "thirdPartyId", {"City": name})


def test_a_column_renamed_since_the_recipe_holds_the_load_back_and_names_the_new_ones():
    recipe = tbpu.Mapping.load(DIRTY / "r8_recipe.yaml")
    report = tbpu.validate(DIRTY / "r8_renamed_column.csv", recipe)
    assert not report.ok
    assert report.counts["rejected"] == report.counts["rows_in"] == 3
    told = dict(report.findings[["code", "message"]].to_numpy().tolist())
    assert told.keys() == {"MAP001", "MAP005", "DRI002", "DRI003"}
    assert "'tier'" in told["MAP001"]
    assert "'loyalty_tier', 'channel'" in told["DRI002"]
    assert "'joined'" in told["DRI003"]


# --- in the shell -----------------------------------------------------------------------------

RECIPE = """\
tbpu_recipe: 1
key: Kunde
key_type: thirdPartyId
parameters: {Ort: city}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def check(recipe, file):
    """Run ``tbpu check`` as a user would, in the folder of the recipe."""
    command = [sys.executable, "-W", "error", "-m", "tbpu_toolkit.cli", "check", DIRTY / file]
    return subprocess.run(
        [*command, "--recipe", recipe],
        cwd=recipe.parent,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def codes_in(text):
    return set(re.findall(r"\b[A-Z]{3}\d{3}\b", text))


def written(folder):
    return {path.name for path in folder.iterdir()} - {"recipe.yaml"}


def test_check_prints_the_account_and_the_problems_of_rejected_rows(tmp_path, recipe):
    ran = check(recipe, "r4_total_rows.csv")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.startswith("7 rows in = 4 ready + 3 rejected + 0 merged + 0 empty\n")
    assert codes_in(ran.stdout) == {"KEY001", "KEY012", "BLK001", "MAP005"}
    assert "'Zwischensumme'" in ran.stdout
    assert written(tmp_path) == {"report.html", "rejected.xlsx"}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Zwischensumme" in page
    rejected = "".join(_texts_of(tmp_path / "rejected.xlsx"))
    assert "Gesamtergebnis" in rejected
    assert "KEY012" in rejected


def test_check_of_a_clean_file_is_done_with_0(tmp_path, recipe):
    ran = check(recipe, "04_utf8_bom.csv")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("4 rows in = 4 ready + 0 rejected + 0 merged + 0 empty\n")
    assert codes_in(ran.stdout) == {"MAP005"}
    assert written(tmp_path) == {"report.html", "rejected.xlsx"}


def _texts_of(workbook):
    """Give what stands in all cells of a workbook."""
    with zipfile.ZipFile(workbook) as book:
        for name in book.namelist():
            if name.startswith("xl/worksheets/"):
                yield from ET.fromstring(book.read(name)).itertext()  # noqa: S314 - our own


@pytest.mark.parametrize(
    ("file", "words", "said"),
    [
        ("r5_sheets.xlsx", ("--sheet", "Kunden"), "'Archiv' (hidden), 'Clients', 'Légende'"),
        ("04_utf8_bom.csv", ("--sheet", "Kunden"), "of a kind that has no sheet"),
        ("04_utf8_bom.csv", ("--separator", ";;"), "Give one sign"),
        ("04_utf8_bom.csv", ("--separator", ","), "';'"),
        ("04_windows.csv", ("--encoding", "utf-8"), "line 2, byte 26: this is not UTF-8"),
        ("04_windows.csv", ("--encoding", "ansi"), "no encoding of text that Python knows"),
        ("04_utf8_bom.csv", ("--encoding", "cp1252"), "BOM"),
        ("04_korean.csv", ("--encoding", "utf-16"), "not utf-16"),
        ("r7_nothing.csv", (), "is empty. Export it again."),
    ],
)  # fmt: skip
def test_what_can_not_be_read_as_asked_is_one_sentence(  # noqa: PLR0913, PLR0917 - two are pytest's
    tmp_path, monkeypatch, capsys, recipe, file, words, said
):
    monkeypatch.chdir(tmp_path)
    code = cli.main(["check", str(DIRTY / file), "--recipe", str(recipe), *words])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("tbpu: ")
    assert said in " ".join(err.split())
    assert written(tmp_path) == set()


# --- what was not as it should be -------------------------------------------------------------


def test_floats_that_become_ids_are_counted(load):
    case = CASE["floats because of one blank"]
    findings = load(case).report.findings
    of_the_key = findings[(findings["column"] == case.key) & (findings["code"] != "KEY001")]
    assert of_the_key["rows"].tolist() == [5]


def test_ids_of_which_excel_only_shows_the_zeros_are_not_sent(tmp_path):
    mapping = tbpu.Mapping("Filiale", "thirdPartyId", {"Stufe": "tier"}, "last")
    try:
        run = tbpu.prepare(DIRTY / "01_excel_ids.xlsx", mapping, tmp_path / "run")
    except tbpu.ValidationError:
        return
    lines = run.batches[0].path.read_text(encoding="ascii").splitlines()[1:]
    assert {line.split(",")[0] for line in lines} <= {"10117"}  # which has five digits itself


def test_a_point_between_thousands_is_told_where_its_table_has_decimal_commas(load):
    case = CASE["decimal commas"]
    findings = load(case).report.findings
    assert "Bestellungen" in set(findings["column"])


def test_the_remedy_for_personal_ids_is_one_that_a_key_can_have(load):
    case = CASE["telephone numbers as ids"]
    findings = load(case).report.findings.set_index("code")
    assert "Leave the column out" not in findings.loc["PRI002", "remedy"]
    assert "format='sha256'" not in findings.loc["PRI002", "remedy"]


def test_a_list_that_can_not_be_joined_is_told_as_such(load):
    case = CASE["lists joined, structs as JSON"]
    told = load(case).report.findings.set_index("code").loc["VAL002"]
    assert "join" in told["message"]
    assert "format='join'" not in told["remedy"]


def test_a_value_that_has_no_one_text_is_told_by_its_type(load):
    case = CASE["lists, structs and bytes"]
    findings = load(case).report.findings
    told = findings[findings["code"] == "VAL002"].set_index("column")["message"]
    for column, noun in (("wishes", "list"), ("home", "struct|dict"), ("photo", "binary|bytes")):
        assert re.search(rf"first: row 1, .*({noun})", told[column])
