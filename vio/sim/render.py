"""From a world, a trajectory and a rig to images: what each camera sees at a time."""

from math import ceil

import numpy as np

from vio.sim.camera import pixel_rays
from vio.sim.raycast import render, scratch
from vio.sim.sensor import CAM_GAIN, DARK, DAY, develop, exposure_gains, noise_key, vignette
from vio.sim.spec import SimSpec
from vio.sim.trajectory import Trajectory
from vio.sim.world import World
from vio.types import Rig

MAX_EXPOSURES, BLUR_STEP_PX = 8, 1.5


class Renderer:
    """Renders any frame, in any order and from any thread, always the same way.

    Args:
        world, trajectory, rig: what, from where, with what.
        t_ns: (N,) int64 camera stamps [ns]: the middle of the exposures.
        spec: gives `dark`, `blur` and `seed`.
    """

    def __init__(self, world: World, trajectory: Trajectory, rig: Rig, t_ns, spec: SimSpec):
        self.world, self.trajectory, self.t_ns, self.spec = world, trajectory, t_ns, spec
        self.sensor = DARK if spec.dark else DAY
        self.rig = rig
        self.cameras = [rig.cam0, rig.cam1]
        self.rays = [pixel_rays(camera) for camera in self.cameras]
        self.shading = [vignette(rays) for rays in self.rays]
        self.gains = self.measure_exposure()

    def measure_exposure(self) -> np.ndarray:
        """Gain of every frame (N,), from a thumbnail of each cam0 image."""
        h, w = self.shading[0].shape
        step = max(1, w // 24)
        thumb = np.ascontiguousarray(self.rays[0][step // 2 :: step, step // 2 :: step])
        t_s = (self.t_ns - self.t_ns[0]) * 1e-9
        R, p = self.camera_poses(0, self.t_ns, 0.0)
        mean = [self.cast(thumb, [R[i]], [p[i]])[0].mean() for i in range(len(t_s))]
        rng = np.random.default_rng([self.spec.seed, 5])
        return exposure_gains(np.array(mean), t_s, self.sensor, rng)

    def camera_poses(self, cam: int, t_ns, later_s):
        """R_world_cam (N, 3, 3) and p_world_cam (N, 3) at stamps (N,), `later_s` after each."""
        t_s = (np.asarray(t_ns) - self.trajectory.t0_ns) * 1e-9 + later_s
        motion = self.trajectory.at_s(t_s)
        T = self.cameras[cam].T_imu_cam
        p = motion.p_world_imu + motion.R_world_imu @ T[:3, 3]
        return np.ascontiguousarray(motion.R_world_imu @ T[:3, :3]), np.ascontiguousarray(p)

    def cast(self, rays, R_world_cam, p_world_cam):
        """Mean radiance, last distance and last surface (H, W) over the given poses."""
        shape = rays.shape[:2]
        radiance, distance = np.zeros(shape, np.float32), np.empty(shape, np.float32)
        surface, room = np.empty(shape, np.int32), scratch(self.world.kind.size, *shape)
        weight = 1.0 / len(R_world_cam)
        for R, p in zip(R_world_cam, p_world_cam):
            render(self.world, rays, R, p, weight, room, radiance, distance, surface)
        return radiance, distance, surface

    def exposure_times(self, frame: int) -> np.ndarray:
        """Times [s] about the stamp whose mean is the blurred image, more for faster motion."""
        if not self.spec.blur:
            return np.zeros(1)
        motion = self.trajectory.at(self.t_ns[frame : frame + 1])
        turn = np.linalg.norm(motion.omega_imu) + np.linalg.norm(motion.v_world_imu) / 2.0
        smear_px = turn * self.sensor.exposure_s * self.cameras[0].params[0]
        n = min(max(ceil(smear_px / BLUR_STEP_PX), 1), MAX_EXPOSURES)
        return ((np.arange(n) + 0.5) / n - 0.5) * self.sensor.exposure_s

    def image(self, frame: int, cam: int) -> np.ndarray:
        """Image (H, W) uint8 of one camera."""
        later = self.exposure_times(frame)
        R, p = self.camera_poses(cam, np.full(len(later), self.t_ns[frame]), later)
        radiance, _, _ = self.cast(self.rays[cam], R, p)
        out = np.empty(radiance.shape, np.uint8)
        develop(
            radiance,
            self.shading[cam],
            self.gains[frame] * CAM_GAIN[cam],
            self.sensor.shot,
            self.sensor.read,
            noise_key(self.spec.seed, frame, cam),
            out,
        )
        return out

    def depth(self, frame: int, cam: int) -> np.ndarray:
        """Depth (H, W) float64 [m] along the optical axis at the stamp."""
        R, p = self.camera_poses(cam, self.t_ns[frame : frame + 1], 0.0)
        _, distance, _ = self.cast(self.rays[cam], R, p)
        return distance * self.rays[cam][..., 2]
