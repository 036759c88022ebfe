// Words with the address of a page. Opening pages is not there yet, and honest about it; a model may find another way.
import { AppError } from "../../shared/errors.ts";
import { runAgentOr } from "./code_exec.ts";
import type { JobEnd, JobHandler } from "./handler.ts";

export const browser: JobHandler = async (job, context) => {
  const models = context.models();
  return models.length > 0 ? await runAgentOr(job, context, models, unsupported) : await unsupported();
};

const unsupported = (): Promise<JobEnd> =>
  Promise.reject(
    new AppError(
      "unsupported",
      "Sandpiper can't open web pages yet. Save the page or its data as a file and send me that.",
    ),
  );
