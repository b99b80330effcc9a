//! For tests: private clusters, a database per test, Redis, Mosquitto, faults.

mod clock;
mod cluster;
mod cuts;
mod database;
mod disk;
mod ending;
mod folder;
mod matrix;
mod mosquitto;
mod proxy;
mod redis;
mod wait;

pub use clock::Clock;
pub use cluster::{Cluster, ClusterOptions};
pub use cuts::Cuts;
pub use database::TestDatabase;
pub use disk::SmallDisk;
pub use folder::TestFolder;
pub use matrix::Matrix;
pub use mosquitto::Mosquitto;
pub use proxy::TcpProxy;
pub use redis::{Persistence, RedisServer};
pub use wait::wait_until;
