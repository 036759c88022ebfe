// The commands that a platform's menu shows.

export const MENU: readonly { readonly command: string; readonly description: string }[] = [
  { command: "help", description: "What I can do" },
  { command: "stop", description: "Stop what is running" },
  { command: "new", description: "Begin a new conversation" },
  { command: "status", description: "What is running" },
  { command: "files", description: "The files of this conversation" },
  { command: "again", description: "Do the last thing again" },
  { command: "cost", description: "What it has cost" },
  { command: "settings", description: "What answers, and which limits hold" },
  { command: "whoami", description: "Who you are to me" },
];
