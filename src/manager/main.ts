// Starts the manager, and ends it on a signal as soon as the requests in flight are answered.
import { CatalogFile } from "./catalog.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { openDatabase } from "./database.ts";
import { Templates } from "./jobs.ts";
import { KubernetesJobs } from "./kubernetes.ts";
import { type Parts, serve } from "./server.ts";

const GRACE_MILLISECONDS = 1500;

function partsOf(config: Config): Parts {
  const jobs = KubernetesJobs.inCluster(process.env);
  return {
    ...(config.databaseUrl && { database: openDatabase(config.databaseUrl) }),
    ...(config.catalogFile && { catalog: new CatalogFile(config.catalogFile) }),
    ...(config.jobTemplates && { templates: new Templates(config.jobTemplates) }),
    ...(jobs && { jobs }),
  };
}

function main(): void {
  const config = readConfig(process.env);
  const server = serve(config, partsOf(config));
  console.log(JSON.stringify({ event: "listening", port: server.port, commit: config.commit, lane: config.lane }));
  const end = (): void => {
    setTimeout(() => process.exit(0), GRACE_MILLISECONDS).unref();
    void server.stop(false).then(() => process.exit(0));
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}

try {
  main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
