"""What setup.cfg cannot say: the pages of `docs/` are data of the sandbox, and `conf.py` beside them is not."""

from __future__ import annotations

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildPy(build_py):
    """Leaves the Python files of `docs/` out."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Return the modules of a package, of which the pages have none."""
        return [] if package == "unichat.sandbox.docs" else super().find_package_modules(package, package_dir)


setup(cmdclass={"build_py": BuildPy})
