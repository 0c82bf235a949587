"""Secrets and people in source text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapper.corpus.personal import strip_people
from mapper.corpus.secrets import scrub_secrets

TOKEN = "gh" + "p_" + "a1B2" * 9
KEY_HEAD = "-----BEGIN " + "RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('#define WIFI_PASS "k1ttens&rainbows"', "PASSWORD"),
        ('const char *mqtt_password = "hunter22";', "PASSWORD"),
        ('static char wifi_ssid[] = "Smith Family 5G";', "SSID"),
        ('#define API_KEY ("9f8e7d6c")', "API_KEY"),
        (f'send("{TOKEN}");', "GITHUB_TOKEN"),
        ("// see https://bob:s3cr3t@host.example/x", "URL_PASSWORD"),
    ],
)
def test_secret_becomes_its_placeholder(text: str, kind: str) -> None:
    """A secret is replaced by its kind and counted; the rest of the line stays."""
    scrubbed = scrub_secrets(text)

    assert scrubbed.counts == ((kind, 1),)
    assert f"<{kind}>" in scrubbed.text
    assert scrubbed.text.split("<")[0] == text[: len(scrubbed.text.split("<")[0])]


@pytest.mark.parametrize(
    "text",
    [
        '#define WIFI_PASS "your_password"',
        '#define WIFI_SSID "my-ssid"',
        '#define WIFI_PASSWORD "********"',
        "#define WIFI_PASS CONFIG_WIFI_PASSWORD",
        'printf("password: %s", name);',
        "static const uint32_t crc_table[] = {0x00000000, 0x77073096};",
    ],
)
def test_placeholder_and_table_stay(text: str) -> None:
    """What only stands for a secret, and tables of numbers, are left alone."""
    assert scrub_secrets(text).text == text


def test_private_key_is_reported() -> None:
    """A PEM block and an array of key size with a private name condemn the file."""
    array = "const uint8_t device_key[16] PROGMEM = {" + "0x1F, " * 16 + "};"

    assert scrub_secrets(f"x\n{KEY_HEAD}\nabc").has_private_key
    assert scrub_secrets(array).has_private_key
    assert not scrub_secrets("const uint8_t public_key[16] = {" + "0x1F, " * 16 + "};").has_private_key


def test_people_are_replaced_in_comments() -> None:
    """Authors, holders and addresses go; years, marks and code stay."""
    head = "/*\n * Copyright (c) 2019-2021 Jane Doe <jane@doe.example>\n * @author Jane Doe\n */\n"
    text = head + "int a; // ask joe@x.example\n"

    assert strip_people(text) == (
        "/*\n * Copyright (c) 2019-2021 <NAME>\n * @author <NAME>\n */\nint a; // ask <EMAIL>\n"
    )


def test_people_in_strings_stay() -> None:
    """Code is not a comment."""
    text = 'const char *s = "Author: Jane"; int author = 1;\n'

    assert strip_people(text) == text


def test_hash_comments_are_comments_where_they_are() -> None:
    """Kconfig's comments begin with a hash."""
    assert strip_people("# Author: Jane\nconfig A\n", hash_comments=True) == "# Author: <NAME>\nconfig A\n"


@given(st.text(alphabet='abp_sid"=\n/*:@. <>-', max_size=300))
def test_lines_hold(text: str) -> None:
    """Whatever is replaced, lines keep their numbers."""
    assert strip_people(scrub_secrets(text).text).count("\n") == text.count("\n")
