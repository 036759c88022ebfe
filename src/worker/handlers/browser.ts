// Opening web pages. Not there yet, and honest about it.
import { AppError } from "../../shared/errors.ts";
import type { JobHandler } from "./handler.ts";

export const browser: JobHandler = () =>
  Promise.reject(
    new AppError(
      "unsupported",
      "Sandpiper can't open web pages yet. Save the page or its data as a file and send me that.",
    ),
  );
