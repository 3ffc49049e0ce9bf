import { z } from "zod";
import { RuleFile } from "../core/rule.ts";

/** The JSON Schema of a rule file, for editors: draft 7, as they all read it. */
export const ruleFileSchema = (): object => ({
  ...z.toJSONSchema(RuleFile, { target: "draft-7", io: "input" }),
  title: "Homeostat rules",
});
