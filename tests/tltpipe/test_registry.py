import subprocess
import sys

from refusals import error_of

from tltpipe import registry
from tltpipe.errors import UsageError


def test_names_come_from_the_folder_without_importing_it() -> None:
    code = (
        "import sys; from tltpipe import registry; names = registry.names('converters.formats');"
        "assert 'kitti' in names, names; assert not [m for m in sys.modules if m.startswith('converters.formats.')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_told_the_nearest() -> None:
    error = error_of(UsageError, registry.load, "converters.formats", "kiti")
    assert error.hint == 'did you mean "kitti"?'
    assert 'no format called "kiti"' in str(error)
