// The system calls that every program in a room may make, whatever their arguments. What is not named here is refused.
import { words } from "./numbered.ts";

/**
 * Docker's default list without what a room has no use for or what reaches past it. Left out, where it is not plain why:
 *
 * - `ptrace`, `process_vm_*`, `kcmp`, `process_madvise`, `pidfd_getfd`: one process in another's memory or descriptors.
 * - `io_uring_*`, `userfaultfd`, `bpf`, `perf_event_open`, `vmsplice`, `modify_ldt`: young or odd, and again and again how a
 *   kernel was taken over.
 * - `keyctl`, `add_key`, `request_key`: the kernel's key rings belong to no namespace.
 * - `name_to_handle_at`, `open_by_handle_at`: files by number, past every mount.
 * - `shm*`, `msg*`, `sem*`, `mq_*`, `memfd_*`, `*setxattr`: memory of the kernel that shows in no process and in no file's size,
 *   so that no limit of the room counts it.
 * - `io_setup` and its kin: their number is limited for the whole machine, so one room could use them up for all.
 * - `sync`, `syncfs`: a room has no disk, they write out the machine's.
 * - `mbind`, `set_mempolicy`, `move_pages` and their kin: where memory lies is the machine's affair.
 * - `fanotify_*`: events of a whole file system, which may be the machine's.
 */
export const ALLOWED = words(`
  read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2
  open openat openat2 creat close close_range dup dup2 dup3 pipe pipe2 lseek fcntl flock
  stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2
  getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir umask
  link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2
  chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat utimensat
  truncate ftruncate fallocate fsync fdatasync sync_file_range readahead fadvise64
  getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
  sendfile splice tee copy_file_range
  inotify_init inotify_init1 inotify_add_watch inotify_rm_watch

  poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
  eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime

  brk mmap munmap mremap mprotect madvise msync mincore mlock mlock2 mlockall munlock munlockall membarrier
  remap_file_pages pkey_alloc pkey_free pkey_mprotect

  fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill restart_syscall
  pidfd_open pidfd_send_signal process_mrelease
  rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend rt_sigreturn
  sigaltstack pause
  futex futex_waitv set_robust_list get_robust_list rseq set_tid_address arch_prctl prctl seccomp
  landlock_create_ruleset landlock_add_rule landlock_restrict_self

  getpid getppid gettid getpgid getpgrp getsid setpgid setsid
  getuid geteuid getgid getegid getresuid getresgid getgroups capget
  setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset
  getrlimit setrlimit prlimit64 getrusage times sysinfo uname getcpu getrandom
  getpriority setpriority ioprio_get ioprio_set sched_yield
  sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
  sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval

  time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep adjtimex clock_adjtime
  alarm getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete

  bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
  sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg
`);
