"""The built-in motions: hover, gentle, aggressive, rover.

Each is a curve over a phase in seconds: position of the imu and yaw, pitch, roll of the
view. The phase stands at zero for the first second, then eases in to the wanted speed.
"""

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from vio.sim.rig import T_IMU_CAM0
from vio.sim.trajectory import DEGREE, Trajectory, interpolate

STILL_S, EASE_S, KNOT_S = 1.0, 1.0, 0.025
R_VIEW_CAM = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Camera axes (right, down, forward) in the view frame (x forward, y left, z up)."""


def profile_trajectory(
    profile: str, seconds: float, seed: int, speed: float, t0_ns: int
) -> Trajectory:
    """The motion called `profile`, defined a little beyond [0, seconds] for the exposures."""
    rng = np.random.default_rng([seed, 1])
    t = np.arange(-0.25, seconds + 0.25 + KNOT_S, KNOT_S)
    p, yaw_pitch_roll = CURVES[profile](rng, speed * eased(t))
    R_world_view = Rotation.from_euler("ZYX", yaw_pitch_roll)
    R_imu_cam = np.array(T_IMU_CAM0)[:3, :3]
    R_world_imu = R_world_view * Rotation.from_matrix(R_VIEW_CAM @ R_imu_cam.T)
    return Trajectory(t0_ns, t[0], t[-1], interpolate(t, p, R_world_imu.as_quat()))


def eased(t: np.ndarray) -> np.ndarray:
    """Phase [s] at times t [s]: zero, then a three times differentiable run-up to slope 1."""
    x = np.clip((t - STILL_S) / EASE_S, 0.0, 1.0)
    ramp = x**4 * (2.5 + x * (-3.0 + x))  # integral of 10 x^3 - 15 x^4 + 6 x^5
    return EASE_S * ramp + np.maximum(t - STILL_S - EASE_S, 0.0)


def waves(rng, s, low_hz: float, high_hz: float, n: int = 4) -> np.ndarray:
    """A random sum of sines over phase s, zero at s = 0, of unit RMS or so."""
    hz = rng.uniform(low_hz, high_hz, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    angle = 2 * np.pi * hz * np.asarray(s)[:, None] + phase
    return (np.sin(angle) - np.sin(phase)).sum(1) / np.sqrt(n / 2)


def hover(rng, s):
    """Station-keeping: centimetres and a degree or two."""
    p = np.stack([0.03 * waves(rng, s, 0.1, 0.6) for _ in range(3)], 1)
    angles = np.stack([np.radians(1.0) * waves(rng, s, 0.1, 0.8) for _ in range(3)], 1)
    angles[:, 0] += rng.uniform(-np.pi, np.pi)
    return p + [0.0, 0.0, 1.4], angles


def gentle(rng, s):
    """Wandering around the room at 0.5 to 0.8 m/s, looking ahead."""
    p, yaw, _ = circuit(rng, s, speed=0.62, height=0.3)
    pitch = np.radians(6.0) + np.radians(3.0) * waves(rng, s, 0.05, 0.3)
    roll = np.radians(2.0) * waves(rng, s, 0.1, 0.4)
    return p, np.stack([yaw, pitch, roll], 1)


def aggressive(rng, s):
    """Fast laps at 2 to 3 m/s, banked, with swings of the view beyond 100 deg/s."""
    p, yaw, bank = circuit(rng, s, speed=2.4, height=0.45)
    yaw = yaw + np.radians(11.0) * waves(rng, s, 0.4, 1.0)
    pitch = np.radians(5.0) + np.radians(6.0) * waves(rng, s, 0.3, 0.9)
    roll = 0.6 * bank + np.radians(5.0) * waves(rng, s, 0.3, 0.9)
    return p, np.stack([yaw, pitch, roll], 1)


def circuit(rng, s, speed: float, height: float):
    """Laps whose radius and height never repeat.

    Args:
        s: phases (N,) [s]. speed: along the way [m/s]. height: its variation [m].

    Returns:
        Position (N, 3) [m], heading (N,) [rad], bank of a balanced turn (N,) [rad].
    """
    step = 0.01
    grid = np.arange(-0.1, s.max() + 1.0, step)
    way_hz = 0.1 + speed / 14.0
    radius = 2.3 + 0.9 * np.tanh(0.35 * waves(rng, grid, 0.25 * way_hz, 0.8 * way_hz, 3))
    lap = np.concatenate([[0.0], np.cumsum(speed * step / radius[1:])])
    angle = rng.uniform(-np.pi, np.pi) + rng.choice([-1.0, 1.0]) * lap
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    z = 1.6 + 0.9 * np.tanh(height * waves(rng, grid, 0.3 * way_hz, way_hz, 3))
    vx, vy = np.gradient(x, step), np.gradient(y, step)
    heading = np.unwrap(np.arctan2(vy, vx))
    bank = -np.arctan(np.gradient(heading, step) * np.hypot(vx, vy) / 9.81)
    bank *= np.tanh(np.maximum(grid, 0.0)) ** 3  # level at rest
    path = make_interp_spline(grid, np.stack([x, y, z, heading, bank], 1), k=DEGREE)(s)
    return path[:, :3], path[:, 3], path[:, 4]


def rover(rng, s):
    """Drives straight ahead at a constant height and turns on the spot, rest to rest."""
    here, heading = np.zeros(2), rng.uniform(-np.pi, np.pi)
    xy, yaw, way = np.zeros((len(s), 2)), np.full(len(s), heading), np.zeros(len(s))
    begin = 0.0
    while begin < s.max() or begin == 0.0:
        goal = rng.uniform(-2.4, 2.4, 2)
        distance = np.hypot(*(goal - here))
        if distance < 1.0:
            continue
        turn = np.arctan2(goal[1] - here[1], goal[0] - here[0]) - heading
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        turn_s, drive_s = 0.5 + abs(turn) / 0.6, 0.5 + distance / 0.45
        yaw += turn * rest_to_rest((s - begin) / turn_s)
        drive = rest_to_rest((s - begin - turn_s) / drive_s)
        xy += drive[:, None] * (goal - here)
        way += drive * distance
        begin += turn_s + drive_s
        heading, here = heading + turn, goal
    bump = 2 * np.pi * way[:, None] / rng.uniform(0.06, 0.12, 3)  # rough ground: by distance
    shake = np.sin(bump) * [2e-4, np.radians(0.05), np.radians(0.05)]
    p = np.column_stack([xy, 0.3 + shake[:, 0]])
    return p, np.stack([yaw, shake[:, 1], shake[:, 2]], 1)


def rest_to_rest(x: np.ndarray) -> np.ndarray:
    """From 0 to 1 while x goes from 0 to 1, at rest at both ends, thrice differentiable."""
    x = np.clip(x, 0.0, 1.0)
    return x**4 * (35.0 + x * (-84.0 + x * (70.0 - 20.0 * x)))


CURVES = {"hover": hover, "gentle": gentle, "aggressive": aggressive, "rover": rover}
