/**
 * The lines of mountinfo but those of Python's own folders: the kernel tells where a bound folder lies in its file system,
 * and SECURITY.md says so.
 */
export function withoutPython(mountinfo: string): string {
  const lines = mountinfo.split("\n");
  return lines.filter((line) => !/ \/opt\/python\/(?:site|base) /.test(line)).join("\n");
}
