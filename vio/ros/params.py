"""Settings to ROS parameters and back: declared with description and range, fixed at start."""

from dataclasses import fields

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException

from vio.config import flatten
from vio.ros.settings import (
    CORE,
    NodeSettings,
    base_settings,
    from_values,
    known_names,
    with_overrides,
)
from vio.types import VioError


def declare_all(node):
    """Declare every parameter and read it.

    Precedence: defaults < YAML files of the parameter `config` < parameter file < command line.

    Returns:
        (NodeSettings, Config).

    Raises:
        VioError: a value of the wrong type or outside its range.
    """
    settings = declare_settings(node, NodeSettings)
    config = base_settings(settings.config)
    values = {
        CORE + name: declare(node, CORE + name, value, spec)
        for name, value, spec in flatten(config)
    }
    warn_of_unknown(node)
    return settings, with_overrides(config, values)


def declare_settings(node, kind):
    """Declare every setting of a dataclass as a parameter of its name; the dataclass as set."""
    return from_values(kind, {f.name: declare(node, f.name, f.default, f) for f in fields(kind)})


def declare(node, name, default, spec):
    """Declare one parameter; its value after overrides."""
    try:
        return node.declare_parameter(name, default, descriptor(spec)).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        what = " ".join(str(error).split())
        raise VioError(f"parameter {name}: {what}; its default is {default!r}") from None


def descriptor(spec) -> ParameterDescriptor:
    """Description and range of a setting; numbers may be written without a point."""
    meta = spec.metadata
    kind = type(spec.default)
    text = meta["doc"] + (f" [{meta['unit']}]" if meta["unit"] not in ("", "1") else "")
    if meta["choices"]:
        text += f"; one of {', '.join(map(str, meta['choices']))}"
    made = ParameterDescriptor(description=text, read_only=True)
    if meta["lo"] is not None:
        lo, hi = meta["lo"], meta["hi"]
        if kind is int:
            made.integer_range = [IntegerRange(from_value=lo, to_value=hi, step=0)]
        else:
            span = FloatingPointRange(from_value=float(lo), to_value=float(hi), step=0.0)
            made.floating_point_range = [span]
    if kind is float:  # `-p vio.window.gravity:=10` is an integer to ROS; `checked` converts it
        made.dynamic_typing = True
    return made


def warn_of_unknown(node):
    """Name every override that fits no parameter: a typo must not pass in silence."""
    for name in getattr(node, "_parameter_overrides", {}):
        if name not in known_names() and not node.has_parameter(name):
            if not name.startswith("qos_overrides."):
                node.get_logger().warning(f"parameter {name}: no such parameter, ignored")
