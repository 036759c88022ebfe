// Names of files that have been the end of programs which took them for more than data.

export const NAMES = [
  "-rf",
  "a b",
  'quote".csv',
  "new\nline",
  "\u001b[2Jclear",
  "<img src=x onerror=alert(1)>",
  "$(id)`id`",
  "..\\..\\windows",
  "%2e%2e%2fetc",
  ".env",
  "CON",
  "aux.txt",
  "\u202egnp.exe",
  "x".repeat(255),
  "日本語.csv",
  "__proto__",
  "'; DROP TABLE jobs;--",
  "\u007f\u0001",
  "C:\\x",
  "~",
  "{{7*7}}",
];

/** Ways to write a file of the machine as one of the room. */
export const UPWARDS = [
  "../../../../../../etc/shadow",
  "/proc/1/root/etc/shadow",
  "/proc/self/cwd/../../etc/shadow",
  "..%2f..%2f..%2fetc%2fshadow",
  "....//....//etc/shadow",
  "/home/user/../../etc/shadow",
  "~/../../etc/shadow",
  "file:///etc/shadow",
  "//etc/shadow",
];
