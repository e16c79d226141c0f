"""What parts hold: transfer encodings, charsets, header fields, encoded words, parameters, HTML."""

from __future__ import annotations

import sys
from base64 import b64encode, encodebytes
from binascii import b2a_qp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undeliverable._mime import charsets as _charsets
from undeliverable._mime.charsets import codec_name, decode_text, decode_word, is_plain, is_plain_text
from undeliverable._mime.flatten import to_octets
from undeliverable._mime.headers import decode_block, decode_words, header_fields, read_parameters
from undeliverable._mime.html import render
from undeliverable._mime.part import read
from undeliverable._mime.repairs import Repair
from undeliverable._mime.transfer import decode_transfer


def transfer(body: bytes, encoding: str) -> tuple[bytes, list[Repair]]:
    notes: list[Repair] = []
    return decode_transfer(body, encoding, notes.append), notes


@pytest.mark.parametrize(
    ("body", "expected", "notes"),
    [
        (b"SGVsbG8=\n", b"Hello", []),
        (b"SGVs\r\nbG8=\r\n\r\n", b"Hello", []),
        (b"SGVsbG8", b"Hello", [Repair.BASE64_CUT]),
        (b"SGVsbA======\n", b"Hell", []),
        (b"SGVsbG8h\nS", b"Hello!", [Repair.BASE64_CUT]),
        (b"", b"", []),
        (b"SGVsbG8=\nIHlvdQ==\n", b"Hello you", []),
        (b"SGVsbG8=\n-- \na list's footer\n", b"Hello\n-- \na list's footer\n", [Repair.BASE64_GARBAGE]),
        (b"\nThis is no base64.\n", b"\nThis is no base64.\n", [Repair.BASE64_FALSE]),
        (b"SGVsbG8h\nSGVs!bG8hSGVsbG8hSGVsbG8h\n", b"Hello!Hello!Hello!Hello!", [Repair.BASE64_GARBAGE]),
    ],
)
def test_base64(body: bytes, expected: bytes, notes: list[Repair]) -> None:
    assert transfer(body, "base64") == (expected, notes)


@pytest.mark.parametrize(
    ("body", "expected", "notes"),
    [
        (b"plain", b"plain", []),
        (b"a=3Db=\nc", b"a=bc", []),
        (b"a=3Db=\r\nc", b"a=bc", []),
        (b"a= \t\nb", b"ab", []),
        (b"a=b ", b"a=b ", [Repair.QUOTED_PRINTABLE_GARBAGE]),
        (b"1 = 2 is false", b"1 = 2 is false", [Repair.QUOTED_PRINTABLE_GARBAGE]),
        (b"cut =C", b"cut =C", [Repair.QUOTED_PRINTABLE_CUT]),
        (b"cut =", b"cut ", [Repair.QUOTED_PRINTABLE_CUT]),
    ],
)
def test_quoted_printable(body: bytes, expected: bytes, notes: list[Repair]) -> None:
    assert transfer(body, "quoted-printable") == (expected, notes)


def test_other_encodings() -> None:
    assert transfer(b"x=3D", "8bit") == (b"x=3D", [])
    assert transfer(b"x=3D", "x-own") == (b"x=3D", [Repair.UNKNOWN_ENCODING])


@given(st.binary(max_size=300))
def test_transfer_encodings_round_trip(octets: bytes) -> None:
    assert transfer(encodebytes(octets), "base64") == (octets, [])
    decoded, notes = transfer(b2a_qp(octets, istext=False), "quoted-printable")  # as text it would lose line ends
    assert decoded == octets
    assert notes == []


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable"]))
def test_any_body_is_decoded(body: bytes, encoding: str) -> None:
    assert len(transfer(body, encoding)[0]) <= len(body) + 1


# --- charsets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "label", "expected", "notes"),
    [
        (b"plain", "", "plain", []),
        (b"plain", "utf-8", "plain", []),
        (b"plain", "x-none", "plain", [Repair.UNKNOWN_CHARSET]),
        ("Grüße".encode(), "utf-8", "Grüße", []),
        ("Grüße".encode("latin-1"), "ISO-8859-1", "Grüße", []),
        ("„Grüße“".encode("cp1252"), "iso-8859-1", "„Grüße“", []),
        ("Grüße".encode(), "us-ascii", "Grüße", [Repair.FALSE_CHARSET]),
        ("Grüße".encode(), "", "Grüße", [Repair.UNDECLARED_CHARSET]),
        ("Grüße".encode(), "unknown-8bit", "Grüße", [Repair.UNDECLARED_CHARSET]),
        ("Grüße aus Köln, schöne Grüße".encode()[:-5] + b"\xc3", "utf-8", "Grüße aus Köln, schöne Gr\ufffd", [Repair.FALSE_CHARSET]),
        ("届きません".encode("iso2022_jp"), "iso-2022-jp", "届きません", []),
        ("届きません".encode("iso2022_jp"), "", "届きません", []),
        ("届きません".encode("iso2022_jp"), "us-ascii", "\x1b$BFO$-$^$;$s\x1b(B", []),
        ("届きません".encode("euc-jp"), "euc-jp", "届きません", []),
        ("届きません".encode("cp932"), "Shift_JIS", "届きません", []),
        ("无法投递".encode("gbk"), "gb2312", "无法投递", []),
        ("無法投遞".encode("big5"), "big5", "無法投遞", []),
        ("не доставлено".encode("koi8-r"), "koi8-r", "не доставлено", []),
        ("전달".encode("euc-kr"), "ks_c_5601-1987", "전달", []),
        ("plain ä".encode("utf-16"), "utf-16", "plain ä", []),
        ("plain ä".encode("utf-16"), "", "plain ä", []),
        (b"\xef\xbb\xbfplain \xc3\xa4", "", "plain ä", []),
        (b"+AOQ-", "utf-7", "ä", []),
        (b"~{VPND~}", "hz-gb-2312", "中文", []),
    ],
)  # fmt: skip
def test_charsets(raw: bytes, label: str, expected: str, notes: list[Repair]) -> None:
    found: list[Repair] = []
    assert decode_text(raw, label, found.append) == expected
    assert found == notes


def test_the_last_resort_is_a_guess() -> None:
    found: list[Repair] = []
    raw = "Сообщение не доставлено, почтовый ящик не найден на сервере".encode("cp1251")
    assert decode_text(raw, "us-ascii", found.append) == raw.decode("cp1251")
    assert found == [Repair.FALSE_CHARSET, Repair.GUESSED_CHARSET]


@pytest.mark.parametrize("words", ["Empfänger unbekannt, Postfach gelöscht", "Boîte pleine", "GRÖSSE überschritten"])
@pytest.mark.parametrize("charset", ["iso-8859-1", "iso-8859-2", "iso-8859-9", "cp1250", "cp1252", "cp1254"])
def test_western_letters_need_no_guess(words: str, charset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chardet", None)  # nobody asks it
    raw = f"<kim@example.org>: host mx.example.org said: 550 5.1.1 {words}".encode(charset)
    found: list[Repair] = []
    assert decode_text(raw, "utf-8", found.append) == raw.decode(charset)
    assert found == [Repair.FALSE_CHARSET, Repair.GUESSED_CHARSET]


@pytest.mark.parametrize(
    ("words", "charset"),
    [
        ("Użytkownik nie istnieje, skrzynka pełna, odrzucona wiadomość", "iso-8859-2"),
        ("Uživatel neexistuje, schránka je plná, příjemce neznámý", "cp1250"),
        ("Alıcı bulunamadı, posta kutusu dolu, kullanıcı yok", "iso-8859-9"),
        ("Ο χρήστης δεν βρέθηκε", "iso-8859-7"),
        ("用户不存在", "gb18030"),
        ("信箱已滿", "big5"),
        ("ไม่พบผู้ใช้", "cp874"),
        ("사용자를 찾을 수 없습니다", "euc-kr"),
    ],
)
def test_the_guess_goes_by_the_lines_that_are_not_ascii(words: str, charset: str) -> None:
    frame = "This is the mail system.\n\nI could not deliver your message to:\n<kim@example.org>: 550 5.1.1 {}\n\nBye\n"
    raw = frame.format(words).encode(charset)
    assert decode_text(raw, "us-ascii", lambda _: None) == raw.decode(charset)


def test_a_guess_that_fails_leaves_latin_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> None:
        raise RuntimeError

    monkeypatch.setattr("chardet.detect", fail)
    assert decode_text(b"\xff\xe4", "", lambda _: None) == "ÿä"

    def ascii_only(_: bytes) -> dict[str, str]:
        return {"encoding": "ascii"}

    monkeypatch.setattr("chardet.detect", ascii_only)
    assert decode_text(b"\xff\xe4", "", lambda _: None) == "ÿä"


@pytest.mark.parametrize(
    "label", ["punycode", "unicode_escape", "idna", "rot13", "hex", "", "..", "a\0b", "x" * 60, "no-such"]
)
def test_labels_that_name_no_charset(label: str) -> None:
    assert codec_name(label) is None


@pytest.mark.parametrize("name", sorted(set(_charsets.ALIASES.values())))
def test_aliases_lead_to_codecs(name: str) -> None:
    assert codec_name(name) is not None


def test_charset_of_a_part() -> None:
    mail = b'Content-Type: text/plain; charset="%s"\n\n%s'
    assert read(mail % (b"koi8-r", "почта".encode("koi8-r")), []).text == "почта"
    assert read(mail % (b"UTF-7", b"+AOQ-\r\nb"), []).text == "ä\nb"
    encoded = b"Content-Transfer-Encoding: base64\n" + mail % (b"utf-16", b64encode("a\r\nb".encode("utf-16")))
    assert read(encoded, []).text == "a\nb"
    remarks: list[str] = []
    assert read(mail % (b"us-ascii", b"a\0b"), remarks).text == "ab"
    assert remarks == [Repair.NUL.value]


def test_words_too_short_to_guess() -> None:
    assert decode_word(b"\xe4", "no-such") == "ä"
    assert decode_word(b"a\xe4", "utf-8") == "a\ufffd"


@given(
    st.binary(max_size=120),
    st.sampled_from(["", "utf-8", "utf-16", "utf-7", "iso-2022-jp", "gb2312", "hz", "big5", "us-ascii"]),
)
def test_any_octets_become_text_that_can_be_written(raw: bytes, label: str) -> None:
    assert decode_text(raw, label, lambda _: None).encode() is not None
    assert decode_word(raw, label).encode() is not None


@given(st.binary(max_size=40) | st.text("a~{}\n\x1b$B\0\x7f\x80", max_size=12).map(lambda text: text.encode("latin-1")))
def test_octets_are_plain_before_and_after_they_are_decoded(raw: bytes) -> None:
    assert is_plain(raw) is is_plain_text(raw.decode("latin-1"))


@pytest.mark.parametrize(
    "label",
    ["", "us-ascii", "utf-8", "iso-8859-8-i", "windows-1251", "iso-2022-jp", "gb2312", "big5", "euc-kr", "x-none"],
)
def test_plain_octets_are_ascii_under_any_label(label: str) -> None:
    raw = bytes({*range(1, 128)} - {0x1B, ord("~")}) + b" ~kim"
    assert is_plain(raw)
    assert decode_text(raw, label, lambda _: None) == raw.decode("ascii")


# --- header fields ----------------------------------------------------------------------------------------------


def test_header_fields() -> None:
    block = "Subject: a\n\tb\nno field\nX-Odd : =?q?\nX-Empty:\nTo: kim@example.org"
    assert list(header_fields(block)) == [
        ("subject", "a b"),
        ("x-odd", "=?q?"),
        ("x-empty", ""),
        ("to", "kim@example.org"),
    ]


def test_an_empty_transfer_encoding_is_none_even_in_a_damaged_header_block() -> None:
    remarks: list[str] = []
    assert read(b"Content-Transfer-Encoding:\nSubject: x\nno field\n", remarks).text == "no field\n"
    assert remarks == [Repair.NO_BLANK_LINE]


def test_blocks_that_are_no_utf_8() -> None:
    assert decode_block("A: ä\r\n".encode() + b"B: \xe4\r\n") == "A: ä\nB: ä\n"
    assert decode_block(b"A: \0b\r\nC: d") == "A: b\nC: d"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?a_b=3D?=", "a b="),
        ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQ?=", "Grüße"),
        ("=?UTF-8?B?R3LD vMO fZQ==?=", "Grüße"),
        ("=?UTF-8?B?R3LDvMOfZQA?=", "Grüße\0"),
        ("=?UTF-8?B?A?=", ""),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\t =?iso-8859-1?q?=E4?=", "aä"),
        ("x =?utf-8?q?a?= y =?utf-8?q?b?= z", "x a y b z"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        ("=?utf-8*de?q?a?=", "a"),
        ("=?no-such?q?=C3=A4?=", "ä"),
        ("=?utf-8?q?is it? yes?=", "is it? yes"),
        ("=?utf-8?q?cut off", "cut off"),
        ("=?utf-8?q?broken =?utf-8?q?whole?=", "=?utf-8?q?broken whole"),
        ("=?iso-2022-jp?B?GyRCRk8bKEI=?=", "届"),
        ("\x1b$BFO\x1b(B", "届"),
        ("\x1b[0m", "\x1b[0m"),
        ("=?x", "=?x"),
    ],
)
def test_encoded_words(value: str, expected: str) -> None:
    assert decode_words(value) == expected


@given(st.text(alphabet="=?_ qQbBuUtTfF-8\n*AQ\u00e4", max_size=60))
def test_any_value_is_decoded(value: str) -> None:
    assert isinstance(decode_words(value), str)


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_encoded_words_round_trip(text: str) -> None:
    assert decode_words(f"=?utf-8?b?{b64encode(text.encode()).decode()}?=") == text


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", {}),
        ("; charset=us-ascii", {"charset": "us-ascii"}),
        ('; Name="a;b\\"c"; x=y', {"name": 'a;b"c', "x": "y"}),
        ("; charset=us-ascii format=flowed", {"charset": "us-ascii", "format": "flowed"}),
        ('; name="a" x=y', {"name": "a", "x": "y"}),
        ('; name="open; x=y', {"name": "open; x=y"}),
        ("; charset=utf-8 (comment)", {"charset": "utf-8"}),
        ("; a=1; a=2", {"a": "1"}),
        ("; a=; =b; c; d=e=f", {"a": "", "d": "e=f"}),
        ("; n*=utf-8'en'%C3%A4", {"n": "ä"}),
        ("; n*0*=utf-8''%C3; n*1*=%A4; n*2=b", {"n": "äb"}),
        ("; n*1=b; n*0=a", {"n": "ab"}),
        ("; n*x=b", {"n*x": "b"}),
    ],
)
def test_parameters(rest: str, expected: dict[str, str]) -> None:
    assert read_parameters(rest) == expected


# --- HTML ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", ""),
        ("<html>\n<body></body></html>", ""),
        ("a\n  b", "a b\n"),
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("one<br>two<br/><BR />three", "one\ntwo\n\nthree\n"),
        ("<div>one</div>\n<div>two</div>", "one\ntwo\n"),
        ("<table><tr><td>To:</td><td>kim</td></tr><tr><th>x</th></tr></table>", "To: kim\nx\n"),
        ("a <b>bold</b> word", "a bold word\n"),
        ("<pre>a: b\n  c\n</pre>d", "a: b\n  c\n\nd\n"),
        ("&lt;kim@example.org&gt; &amp; &#252;&#xFC;&nbsp;&uuml", "<kim@example.org> & üü ü\n"),
        ("&#99999999999; &bogus; &", "&#99999999999; &bogus; &\n"),
        ("<kim@example.org>: gone", "<kim@example.org>: gone\n"),
        ("a<!-- no <b> -->b<script>x < y</script>c<STYLE type=x>p{}</style >d", "a b c d\n"),
        ("a<!-- never closed <p>b", "a<!-- never closed\n\nb\n"),
        ("<style>open<!-- c -->x", "open x\n"),
        ('<a href="mailto:kim@example.org">kim@example.org</a>', "kim@example.org\n"),
        ('<a href="mailto:kim@example.org?subject=x"><img></a>', "kim@example.org\n"),
        ('<a href="https://example.org/"></a>x', "x\n"),
        ("<a title='a>b' href=x>c</a>", "c\n"),
        ("<p title=it's>d</p>", "d\n"),
        ("1 < 2 <", "1 < 2 <\n"),
        ("<!DOCTYPE html><?xml?>x", "x\n"),
        ("</pre>x  y", "x y\n"),
        ("<p></p><p></p><p>a", "a\n"),
        ("<title>t</title>a<template>b<p>c</p></template>d", "a d\n"),
        ("<div hidden>a<div>b</div>c<br></div>d", "d\n"),
        ("<p style='display:none'>a<br>b<p>c", "c\n"),
        ("<p hidden>a</p>b", "b\n"),
        ('<div style="color:red; DISPLAY : none !important">a</div>b', "b\n"),
        ("<span style=visibility:hidden>a</span>b<div hidden>c", "b\n"),
        ("<input type=hidden hidden>a<b class='hidden' data-x = hidden>b</b>", "ab\n"),
        ("<div style='overflow:hidden'>a</div>", "a\n"),
        ("<blockquote>kim@a.example</blockquote>b", "kim@a.example\n\nb\n"),
        ("kim@a.example<blockquote>550 no<br>KIM@a.example</blockquote>", "kim@a.example\n\n550 no\nKIM@a.example\n"),
        ("kim@a.example<blockquote>a<blockquote>lee@b.example</blockquote>c</blockquote>d", "kim@a.example\n\nd\n"),
        ("a<blockquote>lee@b.example: 550 no</blockquote>b", "a\n\nb\n"),
        ("a<blockquote>1<br>2<br>3<br>4</blockquote>b", "a\n\nb\n"),
        ("kim@a.example<blockquote>lee@b.example", "kim@a.example\n"),
        ("a</blockquote>b", "a\n\nb\n"),
    ],
)
def test_html(html: str, expected: str) -> None:
    assert render(html) == expected


@given(st.text(alphabet="<>&#;'\"!-/ab prescript\n=", max_size=80))
def test_any_html_is_rendered(html: str) -> None:
    assert "\n\n\n" not in render(html)


@pytest.mark.parametrize("shift", range(4))
def test_characters_across_pieces_are_not_broken(shift: int) -> None:
    raw = b"x" * shift + "€".encode() * 30_000
    assert decode_text(raw + b"\xe2\x82", "", lambda _: None) == raw.decode() + "\ufffd"


def test_an_installation_without_chardet_reads_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chardet", None)
    remarks: list[str] = []
    assert read(b"Content-Type: text/plain; charset=us-ascii\n\nl\xf8st", remarks).text == "løst"
    assert remarks == [Repair.FALSE_CHARSET, Repair.NO_GUESS]


@pytest.mark.parametrize("given", [b"a: b\n\nc", bytearray(b"a: b\n\nc"), memoryview(b"a: b\n\nc")])
def test_octets_are_taken_as_they_are(given: bytes | bytearray | memoryview) -> None:
    notes: list[Repair] = []
    assert to_octets(given, notes.append) == b"a: b\n\nc"
    assert notes == []
