// What a room must refuse, written down by what it would open, and apart from the product's own list of what is allowed.

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Refused with EPERM in a room for code. What the tables name and this does not, and CASES does not, must be allowed. */
export const REFUSED = new Set([
  // Another process: its memory, its descriptors, its identity.
  ...words("ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd"),
  // Large and often broken parts of the kernel.
  ...words("io_uring_setup io_uring_enter io_uring_register userfaultfd bpf perf_event_open vmsplice modify_ldt"),
  ...words("keyctl add_key request_key"),
  // Mounts, roots and namespaces.
  ...words("mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr"),
  ...words("unshare setns name_to_handle_at open_by_handle_at fanotify_init fanotify_mark"),
  // Memory that no limit of a room counts.
  ...words("shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semtimedop semctl"),
  ...words("mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr memfd_create memfd_secret"),
  ...words("setxattr lsetxattr fsetxattr"),
  // The whole machine.
  ...words(
    "init_module finit_module delete_module create_module get_kernel_syms query_module kexec_load kexec_file_load",
  ),
  ...words(
    "reboot syslog acct swapon swapoff quotactl quotactl_fd settimeofday clock_settime sethostname setdomainname",
  ),
  ...words("iopl ioperm vhangup lookup_dcookie nfsservctl sync syncfs"),
  ...words("io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents"),
  ...words("mbind get_mempolicy set_mempolicy set_mempolicy_home_node move_pages migrate_pages"),
  // Older than the machines that we run on.
  ...words("uselib ustat sysfs _sysctl getpmsg putpmsg afs_syscall tuxcall security vserver"),
  ...words("set_thread_area get_thread_area epoll_ctl_old epoll_wait_old"),
]);

type Case = readonly [name: string, args: readonly (number | bigint)[], code: string, browser?: string];

/** The calls whose arguments decide; a browser's room answers as one for code unless said otherwise. */
export const CASES: readonly Case[] = [
  ["clone", [17], "allow"],
  // A thread of glibc.
  ["clone", [0x3d0f00], "allow"],
  ["clone", [0x0002_0000 + 17], "EPERM"],
  ["clone", [0x0200_0000 + 17], "EPERM"],
  ["clone", [0x0400_0000 + 17], "EPERM"],
  ["clone", [0x0800_0000 + 17], "EPERM"],
  ["clone", [0x1000_0000 + 17], "EPERM", "allow"],
  ["clone", [0x2000_0000 + 17], "EPERM", "allow"],
  ["clone", [0x4000_0000 + 17], "EPERM", "allow"],
  ["clone", [0x7000_0000 + 17], "EPERM", "allow"],
  ["clone", [0x7002_0000 + 17], "EPERM"],
  ["clone", [0xffff_ffff_1000_0011n], "EPERM", "allow"],
  ["clone3", [0, 88], "ENOSYS"],
  ["unshare", [0], "EPERM", "allow"],
  ["unshare", [0x1000_0000], "EPERM", "allow"],
  ["unshare", [0x7000_0000], "EPERM", "allow"],
  ["unshare", [0x0002_0000], "EPERM"],
  ["unshare", [0x1002_0000], "EPERM"],
  ["unshare", [0x80], "EPERM"],
  ["unshare", [0x200], "EPERM"],
  ["chroot", [1], "EPERM", "allow"],
  ["memfd_create", [1], "EPERM", "allow"],
  ["ioctl", [0, 0x5401], "allow"],
  ["ioctl", [0, 0x5412], "EPERM"],
  ["ioctl", [0, 0xffff_ffff_0000_5412n], "EPERM"],
  ["ioctl", [0, 0x1_0000_541cn], "EPERM"],
  ["ioctl", [0x5412, 0x5413], "allow"],
  ["ioctl", [0, 0x541c], "EPERM"],
  ["ioctl", [0, 0x5423], "EPERM"],
  ["socket", [1, 1, 0], "allow"],
  ["socket", [1, 5, 0], "allow"],
  ["socket", [2, 1, 0], "allow"],
  ["socket", [2, 0x80801, 6], "allow"],
  ["socket", [2, 2, 17], "allow"],
  ["socket", [10, 0x80002, 0], "allow"],
  // ICMP, UDP-Lite, SCTP, MPTCP, SMC.
  ["socket", [2, 2, 1], "EPROTONOSUPPORT"],
  ["socket", [2, 2, 136], "EPROTONOSUPPORT"],
  ["socket", [2, 1, 132], "EPROTONOSUPPORT"],
  ["socket", [10, 1, 262], "EPROTONOSUPPORT"],
  ["socket", [10, 1, 256], "EPROTONOSUPPORT"],
  // Raw, SCTP by its type, DCCP, and the old way to a packet socket.
  ["socket", [2, 3, 255], "EPERM"],
  ["socket", [2, 5, 0], "EPERM"],
  ["socket", [10, 6, 0], "EPERM"],
  ["socket", [2, 10, 0x0300], "EPERM"],
  ["socket", [0xffff_ffff_0000_0002n, 0x3_0000_0001n, 0x9_0000_0006n], "allow"],
  ["socket", [16, 3, 0], "allow", "EAFNOSUPPORT"],
  ["socket", [16, 0x80003, 0x9_0000_0000n], "allow", "EAFNOSUPPORT"],
  ["socket", [16, 3, 12], "EAFNOSUPPORT"],
  ["socket", [16, 3, 15], "EAFNOSUPPORT"],
  ["socket", [0, 1, 0], "EAFNOSUPPORT"],
  ["socket", [17, 3, 0], "EAFNOSUPPORT"],
  ["socket", [38, 5, 0], "EAFNOSUPPORT"],
  ["socket", [40, 1, 0], "EAFNOSUPPORT"],
  ["socket", [0x1_0000_0028n, 1, 0], "EAFNOSUPPORT"],
  ["socket", [0xffff_ffff, 1, 0], "EAFNOSUPPORT"],
  ["socketpair", [1, 1, 0], "allow"],
  ["socketpair", [2, 1, 0], "EAFNOSUPPORT"],
  ["socketpair", [30, 1, 0], "EAFNOSUPPORT"],
  // SO_REUSEADDR, TCP_NODELAY, IP_TTL; then the tables of the packet filter.
  ["setsockopt", [3, 1, 2], "allow"],
  ["setsockopt", [3, 6, 1], "allow"],
  ["setsockopt", [3, 6, 64], "allow"],
  ["setsockopt", [3, 0, 2], "allow"],
  ["setsockopt", [3, 0, 64], "allow", "EPERM"],
  ["setsockopt", [3, 0, 96], "allow", "EPERM"],
  ["setsockopt", [3, 0x5_0000_0000n, 64], "allow", "EPERM"],
  ["setsockopt", [3, 41, 64], "allow", "EPERM"],
  ["setsockopt", [3, 41, 65], "allow", "EPERM"],
  ["setsockopt", [3, 41, 26], "allow"],
  ["setsockopt", [3, 41, 67], "allow"],
  ["personality", [0], "allow"],
  ["personality", [0xffff_ffff], "allow"],
  ["personality", [0xffff_ffff_ffff_ffffn], "allow"],
  // Linux32, then: no randomised addresses, readable means executable, page zero, old release number.
  ["personality", [8], "EPERM"],
  ["personality", [0x0004_0000], "EPERM"],
  ["personality", [0x0040_0000], "EPERM"],
  ["personality", [0x0010_0000], "EPERM"],
  ["personality", [0x0002_0000], "EPERM"],
  ["mknod", [1, 0o644], "allow"],
  ["mknod", [1, 0o100644], "allow"],
  ["mknod", [1, 0o010644], "allow"],
  ["mknod", [1, 0o140644], "allow"],
  ["mknod", [1, 0o020644], "EPERM"],
  ["mknod", [1, 0o060644], "EPERM"],
  ["mknod", [1, 0x7_0000_21a4n], "EPERM"],
  ["mknodat", [1, 1, 0o010644], "allow"],
  ["mknodat", [1, 0o020644, 0o100644], "allow"],
  ["mknodat", [1, 1, 0o020644], "EPERM"],
  ["mknodat", [1, 1, 0o060600], "EPERM"],
];
