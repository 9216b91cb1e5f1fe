"""Where the config file is found, and whose files are used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.pace import PATIENCE
from tests.thorough import rows
from unichat.config import NoConfig, load, resolve, search
from unichat.errors import ConfigError

PROFILE = '[profiles.support]\nbackend = "kapa"\n'
TABLE = '[tool.unichat.profiles.support]\nbackend = "kapa"\n'
ME, STRANGER = 1234, 4321

posix = pytest.mark.skipif(os.name != "posix", reason="owners and permission bits")


def test_the_nearest_file_upwards_is_used(tmp_path: Path, write: Callable[..., Path]) -> None:
    write('default = "far"\n[profiles.far]\n')
    near = write('default = "near"\n[profiles.near]\n', "a/unichat.toml")
    (tmp_path / "a/b/c").mkdir(parents=True)
    config = load(environ={}, cwd=tmp_path / "a/b/c")
    assert (config.path, config.default, dict(config.profiles)) == (near, "near", {"near": {}})


def test_the_users_own_file_is_used_last(tmp_path: Path, user_folder: Path) -> None:
    user_folder.mkdir()
    try:
        (user_folder / "unichat.toml").write_text(PROFILE)
        assert load(environ={}, cwd=tmp_path).path == user_folder / "unichat.toml"
    finally:
        shutil.rmtree(user_folder)


def test_a_working_directory_that_was_deleted_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load(environ={}).path is None


@pytest.fixture
def set_owner(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """Have a file or folder look as if it belonged to another; all others are the user's own."""
    owners: dict[Path, int] = {}

    class OwnedPath(type(Path())):  # type: ignore[misc]  # the class of the system's paths
        def _with_owner(self, status: os.stat_result) -> os.stat_result:
            values = [*status]
            values[4] = owners.get(Path(self), ME)
            return os.stat_result(values)

        def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
            if not follow_symlinks:
                return self.lstat()
            found = Path(os.path.realpath(self))
            return OwnedPath(found).lstat()

        def lstat(self) -> os.stat_result:
            return self._with_owner(os.lstat(self))

    monkeypatch.setattr(search, "os", SimpleNamespace(**{**vars(os), "geteuid": lambda: ME}))
    monkeypatch.setattr(search, "Path", OwnedPath)
    check = search.check_owners
    monkeypatch.setattr("unichat.config.files.check_owners", lambda path: check(OwnedPath(path)))
    return owners.__setitem__


def refusal(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=folder)
    return caught.value


@posix
@pytest.mark.parametrize(("name", "text"), [("unichat.toml", PROFILE), ("pyproject.toml", TABLE)])
@pytest.mark.parametrize("below", ["", "a/b"])
def test_a_file_of_another_user_that_was_found_is_refused(
    tmp_path: Path, write: Callable[..., Path], set_owner: Callable[[Path, int], None], name: str, text: str, below: str
) -> None:
    path = write(text, name)
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    set_owner(path, STRANGER)
    error = refusal(tmp_path / below)
    assert error.path == str(path)
    assert error.message == f"{path} was found, not named, and is not used since another user owns it (user id 4321)"
    assert error.hint == f"If you trust it, name it with config= or UNICHAT_CONFIG={path}."


@posix
def test_a_file_of_another_user_is_used_if_it_is_named(
    write: Callable[..., Path], set_owner: Callable[[Path, int], None]
) -> None:
    path = write(PROFILE)
    path.chmod(0o666)
    set_owner(path, STRANGER)
    assert load(path, environ={}).path == path
    assert load(environ={"UNICHAT_CONFIG": str(path)}).path == path


@posix
def test_a_stranger_s_file_does_not_count_as_no_config(
    tmp_path: Path, write: Callable[..., Path], set_owner: Callable[[Path, int], None]
) -> None:
    set_owner(write(PROFILE), STRANGER)
    with pytest.raises(ConfigError) as caught:
        resolve(environ={}, cwd=tmp_path)
    assert not isinstance(caught.value, NoConfig)


@posix
@pytest.mark.parametrize("owner", [ME, 0])
@pytest.mark.parametrize(("mode", "folder_mode"), [(0o600, 0o700), (0o664, 0o775), (0o644, 0o1777), (0o660, 0o2770)])
def test_a_file_of_the_user_s_or_root_s_is_used_whatever_its_group_may(
    tmp_path: Path,
    write: Callable[..., Path],
    set_owner: Callable[[Path, int], None],
    owner: int,
    mode: int,
    folder_mode: int,
) -> None:
    path = write(PROFILE, "shared/unichat.toml")
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    set_owner(path, owner)
    set_owner(path.parent, owner)
    assert load(environ={}, cwd=path.parent).path == path


@posix
def test_a_file_of_the_user_s_in_a_sticky_folder_is_used(
    write: Callable[..., Path], set_owner: Callable[[Path, int], None]
) -> None:
    path = write(PROFILE, "tmp/unichat.toml")
    path.parent.chmod(0o1777)
    set_owner(path.parent, 0)
    assert load(environ={}, cwd=path.parent).path == path


@posix
@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777])
def test_a_file_that_everybody_may_write_is_refused(tmp_path: Path, write: Callable[..., Path], mode: int) -> None:
    path = write(PROFILE)
    path.chmod(mode)
    assert f"since everybody may write to it (mode {mode:04o})" in refusal(tmp_path).message


@posix
def test_a_folder_that_everybody_may_write_is_refused(write: Callable[..., Path]) -> None:
    path = write(PROFILE, "open/unichat.toml")
    path.parent.chmod(0o777)
    assert f"since everybody may write to its folder {path.parent} (mode 0777)" in refusal(path.parent).message
    path.parent.chmod(0o1777)
    assert load(environ={}, cwd=path.parent).path == path


@posix
def test_a_folder_of_another_user_is_refused(
    write: Callable[..., Path], set_owner: Callable[[Path, int], None]
) -> None:
    path = write(PROFILE, "theirs/unichat.toml")
    set_owner(path.parent, STRANGER)
    assert f"since another user owns its folder {path.parent} (user id 4321)" in refusal(path.parent).message


@posix
def test_the_owners_of_a_link_and_of_what_it_leads_to_both_count(
    tmp_path: Path, write: Callable[..., Path], set_owner: Callable[[Path, int], None]
) -> None:
    target = write(PROFILE, "elsewhere/target.toml")
    link = tmp_path / "here" / "unichat.toml"
    link.parent.mkdir()
    link.symlink_to(target)
    assert load(environ={}, cwd=link.parent).path == link
    set_owner(link, STRANGER)
    assert "another user owns it" in refusal(link.parent).message
    set_owner(link, ME)
    set_owner(target, STRANGER)
    assert f"another user owns {target}, which it links to" in refusal(link.parent).message
    set_owner(target, ME)
    target.chmod(0o666)
    assert f"everybody may write to {target}" in refusal(link.parent).message
    target.chmod(0o600)
    target.parent.chmod(0o777)
    assert f"everybody may write to its folder {target.parent}" in refusal(link.parent).message


@posix
@pytest.mark.parametrize("text", ["[project]", '[project]\ndependencies = ["unichat-bridge"]'])
def test_another_user_s_pyproject_without_our_table_is_skipped(
    tmp_path: Path, write: Callable[..., Path], set_owner: Callable[[Path, int], None], text: str
) -> None:
    outer = write(PROFILE)
    set_owner(write(text, "inner/pyproject.toml"), STRANGER)
    assert load(environ={}, cwd=tmp_path / "inner").path == outer


@posix
def test_the_user_s_own_file_must_be_the_user_s(
    tmp_path: Path, user_folder: Path, set_owner: Callable[[Path, int], None]
) -> None:
    user_folder.mkdir()
    try:
        (user_folder / "unichat.toml").write_text(PROFILE, encoding="utf-8")
        set_owner(user_folder / "unichat.toml", STRANGER)
        assert "another user owns it" in refusal(tmp_path).message
    finally:
        shutil.rmtree(user_folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_root_does_not_use_the_file_of_a_user(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(PROFILE)
    os.chown(path, STRANGER, STRANGER)
    assert "another user owns it (user id 4321)" in refusal(tmp_path).message


def test_where_files_have_no_owners_every_file_is_used(
    tmp_path: Path, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(PROFILE)
    path.chmod(0o666)
    without = {name: value for name, value in vars(os).items() if name != "geteuid"}
    monkeypatch.setattr(search, "os", SimpleNamespace(**without))
    assert load(environ={}, cwd=tmp_path).path == path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
def test_a_pipe_that_was_found_is_not_waited_for(tmp_path: Path, write: Callable[..., Path]) -> None:
    outer = write(PROFILE)
    (tmp_path / "inner").mkdir()
    os.mkfifo(tmp_path / "inner" / "pyproject.toml")
    assert load(environ={}, cwd=tmp_path / "inner").path == outer
    os.mkfifo(tmp_path / "inner" / "unichat.toml")
    assert refusal(tmp_path / "inner").message == f"{tmp_path / 'inner' / 'unichat.toml'} is not a regular file"


# No home


def test_without_a_home_there_is_no_user_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def without_home(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_config_path", without_home)
    assert search.user_file() is None
    assert load(environ={}, cwd=tmp_path).path is None
    with pytest.raises(NoConfig) as caught:
        resolve(environ={}, cwd=tmp_path)
    assert "and no home folder" in caught.value.message


def test_a_home_that_older_releases_of_platformdirs_do_not_know_is_not_looked_for_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: Path("~/.config/unichat"))
    (tmp_path / "~/.config/unichat").mkdir(parents=True)
    (tmp_path / "~/.config/unichat/unichat.toml").write_text(PROFILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert search.user_file() is None
    assert load(environ={}).path is None


@posix
@pytest.mark.parametrize("home", rows([None], thorough=["read-only", "missing", "a file"]))
def test_the_command_line_runs_without_a_home_that_can_be_written(tmp_path: Path, home: str | None) -> None:
    (tmp_path / "read-only").mkdir(mode=0o500)
    (tmp_path / "a file").touch()
    environ = {"PATH": os.environ["PATH"], **({} if home is None else {"HOME": str(tmp_path / home)})}
    code = (
        "import pwd\n"
        "def unknown(*_):\n"
        "    raise KeyError('no such user')\n"
        "pwd.getpwuid = unknown\n"
        "from unichat.cli import main\n"
        "raise SystemExit((main(['profiles']), main(['doctor'])) != (0, 1))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        encoding="utf-8",
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no config file was found" in done.stdout
    assert "no config file was found" in done.stderr
