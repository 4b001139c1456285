"""What a process is started with: one frozen class a command, read once from options, environment and a YAML file.

A field's docstring is its help text, its default is written once, in the class. `command` turns such a class into a
sub-command of the command line. Sources, the first that has a value wins: command line, environment variable
(`MAMMOSYNTH_<COMMAND>_<FIELD>`), the file given with `--config`, default.
"""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin

import typer
import yaml
from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import ConfigurationError

_file_values: ContextVar[dict[str, Any] | None] = ContextVar("file_values", default=None)


class Positional:
    """Marks a field that the command line takes by its place: `Annotated[Path, Positional()]`."""


class Configuration(BaseSettings):
    """Base of all configurations. Give each sub-class its `env_prefix`, ending in an underscore."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        env_ignore_empty=True,
        enable_decoding=False,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: options, environment, file."""
        return (init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=_file_values.get() or {}))

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: Any) -> Any:
        """Read "64,128" as a list where a field is a tuple: options and variables are plain text."""
        if isinstance(values, dict):
            for name, value in values.items():
                field = cls.model_fields.get(name)
                if field is not None and isinstance(value, str) and _is_tuple(field.annotation):
                    values[name] = [part.strip() for part in value.split(",") if part.strip()]
        return values

    @classmethod
    def resolve(cls, given: dict[str, Any], file: Path | None = None) -> Self:
        """Build the configuration from the options given, the environment and a YAML file of field names.

        Raises:
            ConfigurationError: naming the option or variable, what was found and what is needed.

        """
        token = _file_values.set(_read_file(file) if file else None)
        try:
            return cls(**given)
        except ValidationError as error:
            raise ConfigurationError("\n".join(cls._explain(item) for item in error.errors())) from error
        finally:
            _file_values.reset(token)

    @classmethod
    def _explain(cls, item: Any) -> str:
        name = str(item["loc"][0]) if item["loc"] else ""
        if name not in cls.model_fields:
            return f"{name}: no such option" if name else str(item["msg"]).removeprefix("Value error, ")
        field = cls.model_fields[name]
        option = name.upper() if _is_positional(field) else f"--{name.replace('_', '-')}"
        names = f"{option} ({cls.model_config.get('env_prefix', '')}{name.upper()})"
        if item["type"] == "missing":
            return f"{names}: is needed: {field.description}"
        return f"{names}: found {item['input']!r}: {item['msg']}"

    def as_yaml(self) -> str:
        """Write all values, defaults included, such that `--config` reads them back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=True)


_C = TypeVar("_C", bound=Configuration)


def command(app: typer.Typer, name: str, configuration: type[_C], run: Callable[[_C], None]) -> None:
    """Add a sub-command whose options are the fields of a configuration; the docstring of `run` is its help."""

    def body(**options: Any) -> None:
        file = options.pop("config", None)
        given = {key: value for key, value in options.items() if value not in (None, [])}
        run(configuration.resolve(given, file))

    parameters = [_parameter(field_name, field) for field_name, field in configuration.model_fields.items()]
    file_option = typer.Option(
        "--config", help="YAML file with values for these options.", metavar="FILE", show_default=False
    )
    parameters.append(_keyword("config", Annotated[Path | None, file_option]))
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    prefix = configuration.model_config.get("env_prefix", "")
    text = inspect.cleandoc(run.__doc__ or "")
    app.command(name, help=f"{text}\n\nEvery option can come from the environment: {prefix}<OPTION>.")(body)


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    default = "Required." if field.is_required() else _shown(field.default)
    common: dict[str, Any] = {"help": f"{field.description} {default}".strip(), "show_default": False}
    if _is_positional(field) and _is_tuple(field.annotation):
        argument = typer.Argument(metavar=f"{name.upper()}…", **common)
        return _keyword(name, Annotated[list[str] | None, argument])
    if _is_positional(field):
        info: Any = typer.Argument(metavar=name.upper(), **common)
    elif _plain(field.annotation) is bool:
        return _keyword(name, Annotated[bool | None, typer.Option(**common)])
    else:
        info = typer.Option(f"--{name.replace('_', '-')}", metavar=_metavar(field.annotation), **common)
    return _keyword(name, Annotated[str | None, info])


def _is_positional(field: FieldInfo) -> bool:
    return any(isinstance(item, Positional) for item in field.metadata)


def _plain(annotation: Any) -> Any:
    """The type without `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        return next(item for item in get_args(annotation) if item is not type(None))
    return annotation


def _is_tuple(annotation: Any) -> bool:
    return get_origin(_plain(annotation)) is tuple


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        default = ",".join(str(item) for item in default)
    return f"Default: {default.value if isinstance(default, Enum) else default}."


def _metavar(annotation: Any) -> str:
    plain = _plain(annotation)
    if get_origin(plain) is Literal:
        return "|".join(str(item) for item in get_args(plain))
    if _is_tuple(plain):
        return f"{_metavar(get_args(plain)[0])},…"
    if inspect.isclass(plain) and issubclass(plain, Enum):
        return "|".join(str(item.value) for item in plain)
    return {int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(plain, "TEXT")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"--config: cannot read {path}: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"--config: {path} holds {type(values).__name__}, needed option names with values")
    return values
