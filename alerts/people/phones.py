"""Phone numbers in one form: E.164, read as a caller in the site's country would dial them."""

from __future__ import annotations

import phonenumbers

REGION = "CN"


class PhoneError(ValueError):
    """Not a number that can be dialled; the text says why."""


def e164(text: str, region: str = REGION) -> str:
    """`138 0013 8000` -> `+8613800138000`. Raises `PhoneError`."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneError(f"{error}".strip().rstrip(".").lower()) from None
    if not phonenumbers.is_possible_number(number):
        raise PhoneError("too short or too long")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
