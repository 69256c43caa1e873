package selection

import (
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/image"
)

// Snippet is something to paste that uses an image.
type Snippet struct {
	// Tool is "aliyun" (the vendor's CLI) or "terraform".
	Tool string `json:"tool"`
	// Does says what happens when it is run.
	Does string `json:"does"`
	// Text: the lines themselves.
	Text string `json:"text"`
}

// UseOf returns ready lines that use s on an instance type; "": any. What only the
// user knows stays open: as variables of the shell and of Terraform, so that nothing
// runs by accident with a made-up value.
func UseOf(s Sighting, on image.InstanceTypeID) []Snippet {
	size := max(minSystemDisk, s.SizeGiB)
	return []Snippet{
		{"aliyun", "checks whether an instance could be created, and creates nothing (success is the error DryRunOperation)", runInstances(s, on, size) + " --DryRun true"},
		{"aliyun", "creates one instance", runInstances(s, on, size)},
		{"aliyun", "shows the image", words("aliyun", "ecs", "DescribeImages", "--RegionId", string(s.Region), "--ImageId", string(s.ID)) + showAny(s)},
		{"terraform", "creates one instance", terraform(s, on, size)},
	}
}

// minSystemDisk is ECS's default of Max{40, image size} GiB.
const minSystemDisk = 40

func runInstances(s Sighting, on image.InstanceTypeID, size int) string {
	instanceType := `"$INSTANCE_TYPE"`
	if on != "" {
		instanceType = quoteShell(string(on))
	}
	return words("aliyun", "ecs", "RunInstances", "--RegionId", string(s.Region), "--ImageId", string(s.ID)) +
		" --InstanceType " + instanceType + ` --VSwitchId "$VSWITCH_ID" --SecurityGroupId "$SECURITY_GROUP_ID"` +
		" --SystemDisk.Size " + strconv.Itoa(size) + " --Amount 1"
}

// showAny adds what DescribeImages wants before it shows images that are not in
// its default list.
func showAny(s Sighting) string {
	var more []string
	switch s.Kind {
	case image.KindMarketplace:
		more = append(more, "--ImageOwnerAlias", "marketplace")
	case image.KindCommunity:
		more = append(more, "--ImageOwnerAlias", "others", "--IsPublic", "true")
	}
	if s.Status != image.StatusAvailable {
		more = append(more, "--Status", string(s.Status))
	}
	if len(more) == 0 {
		return ""
	}
	return " " + words(more...)
}

// provider is where Terraform finds the vendor's provider; without, it looks for one
// of its own, which there is not.
const provider = "aliyun/alicloud"

func terraform(s Sighting, on image.InstanceTypeID, size int) string {
	instanceType := []string{`variable "instance_type" { type = string }`}
	if on != "" {
		instanceType = []string{`variable "instance_type" {`, `  type    = string`, `  default = ` + quoteHCL(string(on)), `}`}
	}
	return strings.Join(slices.Concat([]string{
		`terraform {`,
		`  required_providers {`,
		`    alicloud = { source = ` + quoteHCL(provider) + ` }`,
		`  }`,
		`}`,
		``,
		`provider "alicloud" {`,
		`  region = ` + quoteHCL(string(s.Region)),
		`}`,
		``,
	}, instanceType, []string{
		`variable "vswitch_id" { type = string }`,
		`variable "security_group_ids" { type = list(string) }`,
		``,
		`resource "alicloud_instance" "this" {`,
		`  image_id         = ` + quoteHCL(string(s.ID)),
		`  instance_type    = var.instance_type`,
		`  vswitch_id       = var.vswitch_id`,
		`  security_groups  = var.security_group_ids`,
		`  system_disk_size = ` + strconv.Itoa(size),
		`}`,
	}), "\n")
}

// words joins arguments into a line for a POSIX shell.
func words(args ...string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quoteShell(a)
	}
	return strings.Join(quoted, " ")
}

// quoteShell quotes what a POSIX shell would otherwise read as more than text.
func quoteShell(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// quoteHCL quotes text as a string of Terraform's language, templates disarmed.
func quoteHCL(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(b.String())
}
