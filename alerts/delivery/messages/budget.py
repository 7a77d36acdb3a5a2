"""How long an SMS may be: 70 characters in Chinese, 160 in GSM letters, less in parts of a longer one.

Source: 3GPP TS 23.038 (alphabets), TS 23.040 section 9.2.3.24.1 (concatenation: 6 bytes of header a part).
"""

from __future__ import annotations

UCS2_SINGLE, UCS2_PART = 70, 67
GSM_SINGLE, GSM_PART = 160, 153

GSM_EXTENDED = frozenset("^{}\\[~]|€")
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


def is_gsm(text: str) -> bool:
    """Every character is in the GSM 7-bit alphabet or its extension table."""
    return all(letter in GSM_BASIC or letter in GSM_EXTENDED for letter in text)


def length(text: str) -> int:
    """Units used: septets (extended letters take two) or UTF-16 code units."""
    if is_gsm(text):
        return len(text) + sum(letter in GSM_EXTENDED for letter in text)
    return len(text.encode("utf-16-be")) // 2


def single_limit(text: str) -> int:
    """Units that fit one SMS of this text's alphabet."""
    return GSM_SINGLE if is_gsm(text) else UCS2_SINGLE


def parts(text: str) -> int:
    """How many SMS the network will charge and deliver."""
    used = length(text)
    if used <= single_limit(text):
        return 1
    each = GSM_PART if is_gsm(text) else UCS2_PART
    return -(-used // each)
