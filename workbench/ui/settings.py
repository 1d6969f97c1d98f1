"""A person's own settings, for every workspace: theme, signs and keys, from one small TOML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store.errors import BadInput, unknown
from workbench.ui.ascii_fallback import SIGNS, wants_ascii

FILE = "ST5_CONFIG"


@dataclass(frozen=True)
class UserSettings:
    """A user's preferences. theme: "" for what was used last; signs: one of SIGNS; keys: by the id of a binding, as
    Textual writes them, several separated by commas."""

    theme: str = ""
    signs: str = SIGNS[0]
    keys: Mapping[str, str] = field(default_factory=dict)

    def plain(self, environment: Mapping[str, str]) -> bool:
        """Whether the screen is drawn in ASCII."""
        return self.signs == "ascii" or (self.signs == "auto" and wants_ascii(environment))


DEFAULTS = UserSettings()


def settings_path() -> Path:
    """`$ST5_CONFIG`, else `st5/config.toml` where the system keeps configuration (`~/.config` on Linux)."""
    if named := os.environ.get(FILE):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("st5", appauthor=False) / "config.toml"


def read_settings(path: Path) -> UserSettings:
    """The settings of a file, the defaults if there is none; `BadInput` for anything that it does not mean."""
    if not path.exists():
        return DEFAULTS
    import tomllib

    from workbench.ui.themes import NAMES

    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of TOML, and of bytes that are no text
        raise BadInput(f"{path}: is no TOML ({error}). Mend it, or move it away for the defaults.") from error
    for key in document:
        if key not in ("theme", "signs", "keys"):
            raise unknown(f"setting in {path}:", key, ("theme", "signs", "keys"))
    theme, signs, keys = document.get("theme", ""), document.get("signs", SIGNS[0]), document.get("keys", {})
    if theme and theme not in NAMES:
        raise unknown(f"theme in {path}:", str(theme), NAMES)
    if signs not in SIGNS:
        raise unknown(f"signs in {path}:", str(signs), SIGNS)
    if not isinstance(keys, dict):
        raise BadInput(f'{path}: keys is no table. Write [keys] and below it lines such as "users.random" = "R".')
    if keys:
        from workbench.ui.key_table import check_keys  # reads every screen: only for those who changed a key

        keys = check_keys(keys, str(path))
    return UserSettings(theme, signs, keys)


def template() -> str:
    """A file that says all that can be set, each line at its default and commented out."""
    from workbench.ui.key_table import known_keys
    from workbench.ui.themes import NAMES

    lines = [
        "# Settings of st5's workbench. Take the # away from what you change.",
        f'# theme = "{NAMES[0]}"    # {", ".join(NAMES)}',
        f'# signs = "{SIGNS[0]}"    # {", ".join(SIGNS)}: auto goes by the locale',
        "",
        "[keys]",
        "# An id, and its key or keys: letters, or names such as space, slash, ctrl+r, f5.",
    ]
    lines += [f'# "{id}" = "{binding.key}"    # {binding.tooltip}' for id, binding in sorted(known_keys().items())]
    return "\n".join(lines) + "\n"
