import type { ControlPlaneOptions } from "../../controlplane/controlplane.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { readWrites } from "../cluster/auditlog.ts";
import { check, type Finding } from "../cluster/checker.ts";
import { eventually } from "../cluster/eventually.ts";
import { History } from "../cluster/history.ts";
import type { OperatorProcess } from "../cluster/operatorprocess.ts";
import { type OperatorSettings, Stage } from "../operator/stage.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";
import { FaultProxy } from "./faultproxy.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";

/** How long after the last request of the operator it is taken to be at rest, in ms. */
const QUIET_MS = 300;
/** The status of an AuthorizedKeys is not written more often; what is put off is no work that shows. */
const BETWEEN_SHARED_STATUSES_MS = 2000;

/** A cluster, the operator behind a fault proxy, and a record of all that is written. */
export class Arena {
  readonly stage: Stage;
  readonly proxy: FaultProxy;
  readonly #history: History;

  private constructor(stage: Stage, proxy: FaultProxy, history: History) {
    this.stage = stage;
    this.proxy = proxy;
    this.#history = history;
  }

  static async open(o: ControlPlaneOptions = {}): Promise<Arena> {
    const stage = await Stage.open({ ...o, audit: true });
    const { kubeconfig } = stage.cluster.controlPlane;
    return new Arena(stage, await FaultProxy.start(kubeconfig), await History.start(kubeconfig));
  }

  /** Starts the operator behind the proxy, after the one that ran has been stopped. */
  async run(settings: OperatorSettings = {}): Promise<OperatorProcess> {
    return await this.stage.run({ kubeconfig: this.proxy.kubeconfig, ...settings });
  }

  /** SIGKILLs the operator. */
  async crash(): Promise<void> {
    await this.stage.crash();
  }

  async tenant(): Promise<Tenant> {
    return await this.stage.tenant();
  }

  /** Waits until the operator, if it runs, has nothing to do, and no request but a watch has come from it for a while. */
  async untilQuiet(): Promise<void> {
    await eventually("the operator is at rest", () => this.isQuiet());
  }

  async isQuiet(): Promise<boolean> {
    // One that gets no turn on a busy machine is silent as well.
    if (this.stage.isRunning && (await this.stage.work()) > 0) return false;
    return this.#sinceRequest(({ verb }) => verb !== "watch") > QUIET_MS;
  }

  /** As untilQuiet, and nothing is put off either. */
  async untilSilent(): Promise<void> {
    const isNothingPutOff = () => this.#sinceRequest(isSharedStatus) > BETWEEN_SHARED_STATUSES_MS + QUIET_MS;
    const isSilent = async () => isNothingPutOff() && (await this.isQuiet());
    await eventually("the operator is at rest and has put nothing off", isSilent);
  }

  /** How long ago the last one came, in ms. */
  #sinceRequest(matches: (request: ProxiedRequest) => boolean): number {
    return performance.now() - (this.proxy.requests.findLast(matches)?.at ?? 0);
  }

  /** What the SSHKey of this UID was said to be, one after the other; "" before the first status. */
  statesOf(uid: string): readonly string[] {
    const versions = this.#history.ordered().filter(({ object }) => object.metadata.uid === uid);
    return versions.map(({ object }) => stateOf(object.status as SSHKeyStatus | undefined));
  }

  /** Judges all that was written so far; see CheckerOptions. */
  async judge(blindMs: number): Promise<Finding> {
    const writes = await readWrites(this.stage.cluster.controlPlane.auditLog ?? "");
    const { gaps } = this.#history;
    return check(this.#history.ordered(), writes, { blindMs, gaps });
  }

  async close(): Promise<void> {
    await this.stage.crash();
    await this.#history.stop();
    await this.proxy.stop();
    await this.stage.close();
  }
}

function isSharedStatus(request: ProxiedRequest): boolean {
  return request.resource === "authorizedkeys" && isWrite(request);
}
