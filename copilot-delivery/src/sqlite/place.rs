//! Where an outbox may be: on a file system of this machine.

use std::path::Path;

use crate::outbox::{Fault, OutboxError};

/// The file systems that are on another machine, by the number that statfs gives.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 14] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9p"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x013111a8, "IBRIX"),
];

/// A file system in a program (FUSE): whether it is on another machine is told by its name only.
#[cfg(target_os = "linux")]
const IN_A_PROGRAM: u32 = 0x6573_5546;

/// The names of those that are.
#[cfg(target_os = "linux")]
const NETWORK_PROGRAMS: [&str; 14] = [
    "blobfuse",
    "ceph",
    "cifs",
    "curlftpfs",
    "davfs",
    "gcsfuse",
    "glusterfs",
    "goofys",
    "juicefs",
    "mount-s3",
    "rclone",
    "s3fs",
    "seaweedfs",
    "sshfs",
];

/// Refuses a folder on another machine: the journal of SQLite is not safe there. Only Linux is asked.
pub(super) fn check(folder: &Path) -> Result<(), OutboxError> {
    match network(folder) {
        None => Ok(()),
        Some(name) => Err(OutboxError::new(
            Fault::Unsafe,
            format!(
                "the outbox cannot be in {}: that is on a network file system ({name}), where a file can break; \
                 choose a disk of this machine",
                folder.display()
            ),
        )),
    }
}

#[cfg(not(target_os = "linux"))]
fn network(_: &Path) -> Option<String> {
    None
}

/// The name of the network file system that the folder is on. None, where the system does not say.
#[cfg(target_os = "linux")]
fn network(folder: &Path) -> Option<String> {
    use std::os::linux::fs::MetadataExt;

    use nix::sys::{stat, statfs};

    // As wide as it is on this machine; the numbers have 32 bits.
    let number = statfs::statfs(folder).ok()?.filesystem_type().0 as u32;
    if number == IN_A_PROGRAM {
        let device = folder.metadata().ok()?.st_dev();
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        return network_program(&mounts, &format!("{}:{}", stat::major(device), stat::minor(device)));
    }
    named(number).map(str::to_owned)
}

#[cfg(target_os = "linux")]
fn named(number: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(network, _)| *network == number).map(|(_, name)| *name)
}

/// The type of what is mounted as that device, where it is known to be on another machine (`man 5 proc_pid_mountinfo`).
#[cfg(target_os = "linux")]
fn network_program(mounts: &str, device: &str) -> Option<String> {
    let mount = mounts.lines().find(|mount| mount.split(' ').nth(2) == Some(device))?;
    let (_, described) = mount.split_once(" - ")?;
    let mut described = described.split(' ');
    let (kind, source) = (described.next()?, described.next().unwrap_or_default());
    let is_network = |name: &str| NETWORK_PROGRAMS.iter().any(|network| name.contains(network));
    let named = if kind.contains('.') { is_network(kind) } else { is_network(source) };
    named.then(|| if kind.contains('.') { kind.to_owned() } else { format!("{kind} of {source}") })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{check, named, network_program};

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        use nix::sys::statfs::{
            EXT4_SUPER_MAGIC, NFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, SMB_SUPER_MAGIC, TMPFS_MAGIC,
        };
        for (number, name) in [(NFS_SUPER_MAGIC, "NFS"), (SMB_SUPER_MAGIC, "SMB")] {
            assert_eq!(named(number.0 as u32), Some(name));
        }
        assert_eq!(named(-11_317_950_i32 as u32), Some("CIFS"), "as a machine with signed numbers gives it");
        for number in [EXT4_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC] {
            assert_eq!(named(number.0 as u32), None);
        }
    }

    #[test]
    fn network_file_systems_in_a_program_are_known_by_their_name() {
        let mounts = "29 1 254:0 / / rw - ext4 /dev/vda rw\n\
            61 29 0:52 / /mnt/far rw,nosuid shared:3 - fuse.sshfs me@far:/srv rw,user_id=0\n\
            62 29 0:53 / /mnt/near rw - fuse.gocryptfs /home/near rw\n\
            63 29 0:54 / /mnt/bucket rw - fuse mount-s3 rw\n";
        assert_eq!(network_program(mounts, "0:52").as_deref(), Some("fuse.sshfs"));
        assert_eq!(network_program(mounts, "0:54").as_deref(), Some("fuse of mount-s3"));
        for near in ["0:53", "254:0", "9:9"] {
            assert_eq!(network_program(mounts, near), None);
        }
    }

    #[test]
    fn a_disk_of_this_machine_is_fine() {
        assert!(check(&std::env::temp_dir()).is_ok());
    }
}
