import subprocess
import sys

import pytest

from tltpipe import registry
from tltpipe.errors import UsageError


def test_names_come_from_the_folder_without_importing_it() -> None:
    code = (
        "import sys; from tltpipe import registry; names = registry.names('converters.formats');"
        "assert 'kitti' in names, names; assert not [m for m in sys.modules if m.startswith('converters.formats.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        registry.load("converters.formats", "kiti")
    assert caught.value.hint == 'did you mean "kitti"?'
    assert 'no format called "kiti"' in str(caught.value)
