"""A pickle interpreter which can only build plain containers and references to tensors.

``pickletools`` (standard library) splits the stream into opcodes; this file gives each opcode a
meaning which involves no import, no attribute access and no call outside ``torch_objects``. The
library's ``Unpickler`` with a restricted ``find_class`` is not used because a single damaged byte
can make it allocate tens of gigabytes (its memo is an array indexed by the file).
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from mindtune.weights.torch_objects import (
    Global,
    Opaque,
    ScriptModule,
    Storage,
    call,
    named,
    storage,
)
from mindtune.weights.weight_file import MalformedError

_IGNORED = frozenset(["PROTO", "FRAME"])
_LITERALS = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ]
)
_MAX_OPCODES = 5_000_000  # a tensor takes about 40; each opcode may cost 100 bytes of memory
_MAX_BITS = 1024  # states of random generators have 128; printing an enormous number takes hours
_SCRIPT_CLASSES = "__torch__."
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass(frozen=True)
class Unpickled:
    """One pickle's object, and every storage that it mentions by key."""

    value: Any
    storages: dict[str, Storage]


def load_pickle(stream: IO[bytes]) -> Unpickled:
    """The object of the next pickle in ``stream``, which is left right behind it.

    Classes and functions come back as ``Global``, instances of unknown classes as ``Opaque``,
    tensors as ``StoredTensor``; sets and the contents of unknown objects are not kept.

    Raises:
        MalformedError: a damaged pickle, or one which asks for a call outside the allow-list.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count == _MAX_OPCODES:
                raise MalformedError(f"its pickle has more than {_MAX_OPCODES} opcodes; refused")
            machine.step(opcode.name, argument)
        return Unpickled(machine.result(), machine.storages)
    except MalformedError:
        raise
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise MalformedError(f"its pickle is damaged or cut short ({error})") from error


class _Machine:
    """The pickle virtual machine: a stack, the stacks below open marks, and the memo."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def result(self) -> Any:
        if len(self._stack) != 1 or self._below:
            raise MalformedError("its pickle is damaged: it ends with objects left over")
        return self._stack.pop()

    def step(self, opcode: str, argument: Any) -> None:
        """Execute one opcode; STOP only ends the iteration of ``genops``."""
        if opcode in _LITERALS:
            if isinstance(argument, int) and argument.bit_length() > _MAX_BITS:
                raise MalformedError("its pickle is damaged: it holds an enormous number")
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self, argument)
        elif opcode not in _IGNORED and opcode != "STOP":
            raise MalformedError(
                f"its pickle uses opcode {opcode}, which torch never writes; refused"
            )

    # Stack and memo

    def mark(self, _: object) -> None:
        self._below.append(self._stack)
        self._stack = []

    def pop_to_mark(self, _: object = None) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def pop(self, _: object) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self.pop_to_mark()

    def duplicate(self, _: object) -> None:
        self._stack.append(self._stack[-1])

    def put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    # Containers

    def empty_dict(self, _: object) -> None:
        self._stack.append({})

    def empty_list(self, _: object) -> None:
        self._stack.append([])

    def empty_tuple(self, _: object) -> None:
        self._stack.append(())

    def empty_set(self, _: object) -> None:
        self._stack.append(Opaque("builtins.set"))

    def frozen_set(self, _: object) -> None:
        self.pop_to_mark()
        self._stack.append(Opaque("builtins.frozenset"))

    def tuple_of(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def tuple_to_mark(self, _: object) -> None:
        items = self.pop_to_mark()  # before self._stack is looked up: this replaces it
        self._stack.append(tuple(items))

    def list_to_mark(self, _: object) -> None:
        items = self.pop_to_mark()
        self._stack.append(items)

    def dict_to_mark(self, _: object) -> None:
        items = self.pop_to_mark()
        self._stack.append({})
        self._set_items(items)

    def append(self, _: object) -> None:
        self._extend([self._stack.pop()])

    def appends(self, _: object) -> None:
        self._extend(self.pop_to_mark())

    def set_item(self, _: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def set_items(self, _: object) -> None:
        self._set_items(self.pop_to_mark())

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            return
        for key, value in zip(items[::2], items[1::2]):
            # Tensors are found under text; other keys may be costly or impossible to hash.
            if isinstance(key, (str, int)):
                target[key] = value

    # Objects

    def find_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(named(module, name))

    def stack_global(self, _: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise MalformedError("its pickle is damaged: a class without a name")
        self._stack.append(named(module, name))

    def reduce(self, _: object) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(call(function, arguments))

    def new_object(self, operands: int) -> None:
        """``cls.__new__``: an instance of an unknown class stays empty."""
        for _ in range(operands):
            self._stack.pop()
        self._stack.append(_instance(self._stack.pop()))

    def instance(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        arguments = tuple(self.pop_to_mark())
        self._stack.append(call(named(module, name), arguments))

    def object_to_mark(self, _: object) -> None:
        function, *arguments = self.pop_to_mark()
        self._stack.append(call(function, tuple(arguments)))

    def build(self, _: object) -> None:
        """``__setstate__``: only modules of TorchScript have a state worth keeping."""
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, ScriptModule) and isinstance(state, dict):
            target.attributes.update((k, v) for k, v in state.items() if isinstance(k, str))
            return
        if not isinstance(target, (Opaque, ScriptModule, dict)):
            raise MalformedError("its pickle is damaged: it sets the state of something with none")

    def persistent(self, _: object) -> None:
        found = storage(self._stack.pop())
        if isinstance(found, Storage):
            self.storages[found.key] = found
        self._stack.append(found)


def _instance(kind: object) -> Any:
    if not isinstance(kind, Global):
        raise MalformedError("its pickle is damaged: an instance of something which is no class")
    if kind.name.startswith(_SCRIPT_CLASSES):
        return ScriptModule()
    return {} if kind.name == "collections.OrderedDict" else Opaque(kind.name)


_ACTIONS: dict[str, Callable[[_Machine, Any], object]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_to_mark,
    "DUP": _Machine.duplicate,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "EMPTY_DICT": _Machine.empty_dict,
    "EMPTY_LIST": _Machine.empty_list,
    "EMPTY_TUPLE": _Machine.empty_tuple,
    "EMPTY_SET": _Machine.empty_set,
    "FROZENSET": _Machine.frozen_set,
    "TUPLE": _Machine.tuple_to_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": _Machine.list_to_mark,
    "DICT": _Machine.dict_to_mark,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.find_global,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": lambda machine, _: machine.new_object(1),
    "NEWOBJ_EX": lambda machine, _: machine.new_object(2),
    "INST": _Machine.instance,
    "OBJ": _Machine.object_to_mark,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent,
}
