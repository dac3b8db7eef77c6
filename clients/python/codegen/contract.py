"""What the contracts say, as the writer of modules wants to know it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from tessera.erp.v1 import options_pb2

F = FieldDescriptorProto
SERVICES_OF_FILE, METHODS_OF_SERVICE = 6, 2


@dataclass(frozen=True)
class Known:
    """A message or an enum, and the module that has it."""

    name: str
    module: str
    message: DescriptorProto | None
    zero: str = ""
    """The name of an enum's first value."""


@dataclass(frozen=True)
class Domain:
    """One package of the contracts, such as `erp.crm.v1`, and the module that stands for it, such as `crm`."""

    package: str
    files: tuple[FileDescriptorProto, ...]

    @property
    def module(self) -> str:
        parts = self.package.split(".")
        name, version = ("common" if len(parts) == 2 else parts[1]), parts[-1]
        return name if version == "v1" else f"{name}_{version}"


class Contracts:
    """All files of a descriptor set."""

    def __init__(self, source: Path) -> None:
        self.files = FileDescriptorSet.FromString(source.read_bytes()).file
        self.known: dict[str, Known] = {}
        for file in self.files:
            for message in file.message_type:
                self._learn(file, message.name, message)
            for enum in file.enum_type:
                self._learn(file, enum.name, None, enum.value[0].name)

    def _learn(self, file: FileDescriptorProto, name: str, message: DescriptorProto | None, zero: str = "") -> None:
        self.known[f".{file.package}.{name}"] = Known(name, python_module(file), message, zero)

    def domains(self) -> list[Domain]:
        packages: dict[str, list[FileDescriptorProto]] = {}
        for file in self.files:
            if file.package.startswith("erp."):
                packages.setdefault(file.package, []).append(file)
        return [
            Domain(name, tuple(sorted(files, key=lambda file: file.name))) for name, files in sorted(packages.items())
        ]

    def message(self, name: str) -> DescriptorProto:
        message = self.known[name].message
        if message is None:
            raise SystemExit(f"{name} is no message")
        return message


def python_module(file: FileDescriptorProto) -> str:
    return file.name.removesuffix(".proto").replace("/", ".") + "_pb2"


def comment(file: FileDescriptorProto, *path: int) -> str:
    """What the contract says right above the thing at `path`, one paragraph a line."""
    for location in file.source_code_info.location:
        if tuple(location.path) == path:
            lines = [line.strip() for line in location.leading_comments.strip().splitlines()]
            return "\n\n".join(" ".join(part.split("\n")) for part in "\n".join(lines).split("\n\n"))
    return ""


def methods(file: FileDescriptorProto, at: int) -> Iterator[tuple[MethodDescriptorProto, str]]:
    for index, method in enumerate(file.service[at].method):
        if method.client_streaming:
            raise SystemExit(f"{method.name}: codegen/domains.py knows no streams of requests yet")
        yield method, comment(file, SERVICES_OF_FILE, at, METHODS_OF_SERVICE, index)


def noun(service: ServiceDescriptorProto) -> str:
    return service.name.removesuffix("Service")


def plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word if word in {"Auth", "EventLog"} else word + "s"


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def short(method: MethodDescriptorProto, service: ServiceDescriptorProto) -> str:
    """`ListAccounts` of `AccountService` is `list`: the noun stands before the dot already."""
    for word in (plural(noun(service)), noun(service)):
        verb, found, rest = method.name.partition(word)
        if found and verb and (not rest or rest[0].isupper()):
            name = snake(verb + rest)
            # `ReturnReservation` would be `return`, which is Python's own word.
            return f"{name}_" if keyword.iskeyword(name) else name
    return snake(method.name)


def is_public(method: MethodDescriptorProto) -> bool:
    return method.options.Extensions[options_pb2.access].public


def is_safe(method: MethodDescriptorProto) -> bool:
    """Whether the method only reads, so that it may be sent again without asking."""
    return bool(method.options.Extensions[annotations_pb2.http].get)


def is_required(field: FieldDescriptorProto) -> bool:
    return field_behavior_pb2.REQUIRED in field.options.Extensions[field_behavior_pb2.field_behavior]


def enum_names(enum: EnumDescriptorProto) -> list[str]:
    return [enum.name, *(value.name for value in enum.value)]
