"""The recipe file: a mapping as YAML, to read, to compare and to keep."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from tbpu_toolkit.errors import MappingError

if TYPE_CHECKING:
    from pathlib import Path


def write_recipe(content: dict[str, Any], path: Path) -> Path:
    """Write *content* as YAML that reads back as the same words, and give *path*."""
    text = yaml.dump(content, None, _ExactDumper, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def read_recipe(path: Path) -> object:
    """Give what stands in the recipe file at *path*, whatever it is.

    Raises:
        MappingError: there is none, or it is not YAML.

    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise MappingError(
            f"There is no recipe at '{path}'. Save one there with mapping.save(), or let "
            f"'tbpu suggest FILE --recipe {path}' guess one."
        ) from None
    except MappingError as error:
        raise MappingError(f"Recipe '{path}': {error}") from error
    except OSError as error:
        raise MappingError(f"Recipe '{path}' can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise MappingError(f"Recipe '{path}' is not valid YAML: {said}.") from error


class _ExactDumper(yaml.SafeDumper):
    """A SafeDumper that quotes what YAML would read back as something else."""


def _exact_text(dumper: _ExactDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ExactDumper.add_representer(str, _exact_text)


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key given twice, which YAML would settle in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key, count in Counter(map(str, keys)).items() if count > 1]:
            raise MappingError(f"{twice[0]!r} stands there twice. Keep one of the lines.")
        return super().construct_mapping(node, deep)
