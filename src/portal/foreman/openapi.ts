import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import { VERSION } from "../../version.ts";

/** How the OpenAPI document is made of the schemas of the routes. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "SSH keys of users",
      version: VERSION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "The part of Foreman's API that keeps the SSH keys of users, on top of SSHKeys of Kubernetes. Every path is there under /api/v2, too.",
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "SSH keys", description: "List, show, add and delete." },
      { name: "Users", description: "Those who have keys." },
      { name: "Service", description: "Whether it works." },
    ],
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A token of the cluster for the portal's audience.",
        },
        basic: {
          type: "http",
          scheme: "basic",
          description: "Any user name, and such a token as the password.",
        },
      },
    },
  },
};
