"""The child that compiles the front end while its parent, `vio.warm`, compiles the back end."""

import pickle
import sys

from vio._jit import load_compiler
from vio.odometry import Odometry


def main():
    """Rig and configuration come as a pickle on standard input."""
    rig, config = pickle.load(sys.stdin.buffer)
    load_compiler()
    Odometry(rig, config).warm_up_frontend()


if __name__ == "__main__":
    main()
