package image

import (
	"regexp"

	"imagekeeper/shared/fault"
)

// Shape is how a text of requests is written, such as an identifier.
type Shape struct {
	// Tag names it in validate tags, and is the code of a refusal.
	Tag string
	// Pattern is an anchored regular expression (RE2).
	Pattern string
	// Sentence goes on after the field's name.
	Sentence string
}

// Shapes are those of all that requests name, in every function.
func Shapes() []Shape {
	return []Shape{
		{Tag: "imageid", Pattern: `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`, Sentence: "must be an image id, such as m-bp1abc or ubuntu_22_04_x64_20G_alibase_20240101.vhd"},
		{Tag: "regionid", Pattern: `^[a-z]{2,}(-[a-z0-9]+){1,4}$`, Sentence: "must be a region id, such as cn-hangzhou"},
		{Tag: "accountid", Pattern: `^[1-9][0-9]{9,19}$`, Sentence: "must be an account id, a number such as 1234567890123456"},
		{Tag: "family", Pattern: `^\p{L}[\p{L}\p{N}_.:-]{1,127}$`, Sentence: "must be an image family: 2 to 128 letters, digits and _.:- beginning with a letter"},
		{Tag: "families", Pattern: `^[\p{L}*?][\p{L}\p{N}_.:*?-]{0,127}$`, Sentence: "must be an image family, or a glob of them: letters, digits and _.:-*? beginning with a letter, * or ?"},
		{Tag: "instanceid", Pattern: `^i-[A-Za-z0-9-]{1,64}$`, Sentence: "must be an instance id, such as i-bp1abc"},
		{Tag: "snapshotid", Pattern: `^s-[a-z0-9]{1,64}$`, Sentence: "must be a snapshot id, such as s-bp1abc"},
		{Tag: "instancetype", Pattern: `^ecs(\.[a-z0-9-]{1,32}){1,4}$`, Sentence: "must be an instance type, such as ecs.g7.large"},
		{Tag: "tagkey", Pattern: `^.{1,128}$`, Sentence: "must be a tag key of 1 to 128 characters"},
		{Tag: "digest", Pattern: `^[0-9a-f]{64}$`, Sentence: "must be the digest of a plan, as the plan has it"},
		{Tag: "oneline", Pattern: `^[^\x00-\x1f\x7f]{1,256}$`, Sentence: "must be one line of at most 256 characters"},
	}
}

// CheckShape fails with fault.Invalid, naming the field, for a text that does not
// have the shape of a tag; the code is the tag. Nothing has the shape of a tag that
// Shapes does not have.
func CheckShape(tag, field, text string) error {
	for _, s := range Shapes() {
		if s.Tag != tag {
			continue
		}
		if regexp.MustCompile(s.Pattern).MatchString(text) {
			return nil
		}
		return fault.InField(field, tag, "%s", s.Sentence)
	}
	return fault.InField(field, tag, "has no shape that is known")
}
