"""Moves the contracts' files below `tessera/`, so that the modules made from them lie in the package `tessera`.

Only file names change; messages and methods keep their names, and with them their form on the wire.

The rules of `buf/validate` stay in the descriptors, as option bytes, but the import of the file is dropped: a second
copy of it in the process would clash with that of the package `protovalidate`, which reads the rules where it is
installed.
"""

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

OWN = "erp/"
LEFT_OUT = "buf/validate/validate.proto"


def relocated(name: str) -> str:
    return f"tessera/{name}" if name.startswith(OWN) else name


def relocate(file: FileDescriptorProto) -> None:
    if file.public_dependency or file.weak_dependency:
        raise SystemExit(f"{file.name}: imports that are public or weak are counted by position and not handled here")
    file.name = relocated(file.name)
    kept = [relocated(name) for name in file.dependency if name != LEFT_OUT]
    del file.dependency[:]
    file.dependency.extend(kept)


def main(source: Path, target: Path) -> None:
    files = FileDescriptorSet.FromString(source.read_bytes())
    moved = FileDescriptorSet()
    for file in files.file:
        if file.name == LEFT_OUT:
            continue
        if file.name.startswith(OWN):
            relocate(file)
        moved.file.append(file)
    target.write_bytes(moved.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
