import { kubectl } from "./kubernetes.ts";
import { installOperator, OPERATOR_NAMESPACE } from "./operator.ts";

export default async function setup(): Promise<void> {
  await installOperator();
  process.stderr.write(`${await kubectl(["get", "pods", "--namespace", OPERATOR_NAMESPACE])}\n`);
}
