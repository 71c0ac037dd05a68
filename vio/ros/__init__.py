"""ROS 2 nodes around the odometry: parameters, conversion, queues, publishing; no estimation.

    cameras, imu --> intake --> worker (Odometry, or one half of it) --> outputs

`vio_node` runs both halves in one process; `feature_tracker`, `imu_preintegrator` and
`window_optimizer` run them apart. rclpy is imported only by the nodes themselves.
"""
