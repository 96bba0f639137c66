// The manager's HTTP door.
import type { Config } from "./config.ts";

export interface Health {
  readonly status: "ok";
  readonly commit: string;
  readonly envIdentity: string;
  readonly lane: string;
}

export function health(config: Config): Health {
  return { status: "ok", commit: config.commit, envIdentity: config.envIdentity, lane: config.lane };
}

export function serve(config: Config): Bun.Server<undefined> {
  return Bun.serve({
    port: config.port,
    routes: {
      "/health": { GET: () => Response.json(health(config)) },
    },
    fetch: () => Response.json({ error: "not-found" }, { status: 404 }),
  });
}
