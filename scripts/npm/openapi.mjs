// The OpenAPI document by the standard's own schema, and its schemas and
// patterns by a reader that is not Go's.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";
import {Validator} from "@seriousme/openapi-schema-validator";

const text = readFileSync(process.env.DOCUMENT, "utf8");

test("the document is OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(text));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1));
  assert.equal(validator.version, "3.1");
});

test("a document that is not is refused", async () => {
  const other = JSON.parse(text);
  Object.values(other.components.parameters)[0].in = "thought";
  assert.ok(!(await new Validator().validate(other)).valid);
});

test("every pattern is one in JavaScript, too", () => {
  let patterns = 0;
  JSON.parse(text, (key, value) => {
    const all = key === "pattern" ? [value] : key === "patternProperties" ? Object.keys(value) : [];
    for (const pattern of all) {
      new RegExp(pattern, "u");
      patterns++;
    }
    return value;
  });
  assert.ok(patterns > 10, `${patterns} patterns`);
});
