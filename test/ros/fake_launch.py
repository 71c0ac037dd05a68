"""A stand-in for launch and launch_ros: enough to evaluate our files and see what would start.

It proves that arguments, parameters and files exist and fit; that the real launch accepts the
files is proved only by the real one (test_launch.py does that where it is installed).
"""

import importlib.util
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Context:
    def __init__(self, arguments):
        self.values, self.env, self.nodes, self.declared = dict(arguments), {}, [], {}


def text_of(value, context):
    if isinstance(value, (list, tuple)):
        return "".join(text_of(v, context) for v in value)
    return value.perform(context) if hasattr(value, "perform") else str(value)


class LaunchConfiguration:
    def __init__(self, name):
        self.name = name

    def perform(self, context):
        return context.values[self.name]


class PathJoinSubstitution:
    def __init__(self, parts):
        self.parts = parts

    def perform(self, context):
        return str(Path(*(text_of(part, context) for part in self.parts)))


class FindPackageShare:
    def __init__(self, package):
        assert package == "vio"

    def perform(self, context):
        return str(ROOT)


class Action:
    def __init__(self, *args, **options):
        self.args, self.options = args, options

    def execute(self, context):
        pass


class DeclareLaunchArgument(Action):
    def execute(self, context):
        name, default = self.args[0], self.options.get("default_value")
        assert self.options["description"]
        context.declared[name] = default
        if name not in context.values:
            assert default is not None, f"argument {name} is required"
            context.values[name] = default


class SetEnvironmentVariable(Action):
    def execute(self, context):
        context.env[self.args[0]] = text_of(self.args[1], context)


class OpaqueFunction(Action):
    def execute(self, context):
        for action in self.options["function"](context):
            action.execute(context)


class IncludeLaunchDescription(Action):
    def execute(self, context):
        inner = Context({k: text_of(v, context) for k, v in self.options["launch_arguments"]})
        evaluate_file(Path(text_of(self.args[0].args[0], context)), inner)
        assert set(dict(self.options["launch_arguments"])) <= set(inner.declared)
        context.nodes += inner.nodes


class Node(Action):
    def execute(self, context):
        o = self.options
        node = {k: text_of(o[k], context) for k in ("package", "executable", "name")}
        node["namespace"] = text_of(o.get("namespace", ""), context)
        node["arguments"] = [text_of(a, context) for a in o.get("arguments", ())]
        node["remappings"] = [
            tuple(text_of(t, context) for t in pair) for pair in o.get("remappings", ())
        ]
        node["files"], node["parameters"] = [], {}
        for item in o.get("parameters", ()):
            if isinstance(item, dict):
                node["parameters"].update(item)
            else:
                node["files"].append(Path(text_of(item, context)))
        context.nodes.append(node)


class RegisterEventHandler(Action):
    def execute(self, context):
        handler = self.args[0]
        assert isinstance(handler.options["target_action"], Node)


class LaunchDescription:
    def __init__(self, actions):
        self.actions = actions


MODULES = {
    "launch": [LaunchDescription],
    "launch.actions": [
        DeclareLaunchArgument, SetEnvironmentVariable, OpaqueFunction, IncludeLaunchDescription,
        RegisterEventHandler, type("EmitEvent", (Action,), {}),
    ],
    "launch.event_handlers": [type("OnProcessExit", (Action,), {})],
    "launch.events": [type("Shutdown", (Action,), {})],
    "launch.launch_description_sources": [type("PythonLaunchDescriptionSource", (Action,), {})],
    "launch.substitutions": [LaunchConfiguration, PathJoinSubstitution],
    "launch_ros": [],
    "launch_ros.actions": [Node],
    "launch_ros.substitutions": [FindPackageShare],
}  # fmt: skip


def evaluate_file(path, context):
    spec = importlib.util.spec_from_file_location(path.name.replace(".", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for action in module.generate_launch_description().actions:
        action.execute(context)


def evaluate(path, **arguments):
    """The Context after the file has run: nodes, environment, declared arguments."""
    saved = {name: sys.modules.get(name) for name in MODULES}
    for name, members in MODULES.items():
        module = types.ModuleType(name)
        module.__path__ = []
        for member in members:
            setattr(module, member.__name__, member)
        sys.modules[name] = module
    try:
        context = Context(arguments)
        evaluate_file(path, context)
        return context
    finally:
        for name, module in saved.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def argv(node):
    """What launch would run, with this Python in place of the installed script."""
    words = [sys.executable, "-m", f"vio.ros.{node['executable']}", *node["arguments"]]
    words += ["--ros-args", "-r", f"__node:={node['name']}"]
    if node["namespace"]:
        words += ["-r", f"__ns:=/{node['namespace'].lstrip('/')}"]
    for file in node["files"]:
        words += ["--params-file", str(file)]
    for name, value in node["parameters"].items():
        shown = str(value).lower() if isinstance(value, bool) else value
        words += ["-p", f"{name}:='{shown}'" if isinstance(value, str) else f"{name}:={shown}"]
    for old, new in node["remappings"]:
        words += ["-r", f"{old}:={new}"]
    return words
