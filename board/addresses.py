"""What a part of an address may be."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class RowId(Convertor[int]):
    """`{id:row}`: the id of a row; of 18 digits at most, which every database holds."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        """From the address."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Into an address."""
        return str(value)


register_url_convertor("row", RowId())
