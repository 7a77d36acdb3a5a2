import tomllib

import pytest

from ingest.toml_places import Place, TomlPlaces

TWO_LINES = 'name = "w1"\nlimit = \n'
CUT_OFF = 'name = "w1"\nwords = """never closed\n'


@pytest.mark.parametrize(("text", "place"), [(TWO_LINES, Place(2, 9)), (CUT_OFF, Place(2, 1)), ("[", Place(1, 1))])
def test_where_reading_stopped_and_the_last_line_where_the_error_does_not_say(text, place):
    with pytest.raises(tomllib.TOMLDecodeError) as stopped:
        tomllib.loads(text)

    assert TomlPlaces(text).error(stopped.value) == place
