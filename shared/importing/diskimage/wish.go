package diskimage

import (
	"fmt"

	"imagekeeper/shared/image"
)

// Wish is what the image is to be made as.
type Wish struct {
	// SizeGiB of the disk; 0 leaves it to the disk inside.
	SizeGiB      int
	Architecture image.Architecture
	// BootMode is empty where ECS is to decide: BIOS, and UEFI for arm64.
	BootMode image.BootMode
	// Data: a data disk, which does not have to boot.
	Data bool
}

// Check returns what keeps a disk from being imported as wished, and what speaks
// against it. It is about the wish; what is wrong with the disk itself is among
// its own findings.
func Check(d Disk, w Wish) []image.Finding {
	var found []image.Finding
	add := func(level image.Level, code, sentence, remedy string) {
		found = append(found, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: sentence}, Remedy: remedy})
	}
	if w.SizeGiB != 0 && w.SizeGiB < d.GiB() {
		add(image.Fatal, "diskSizeTooSmall", fmt.Sprintf("the disk inside needs %d GiB; %d were asked for", d.GiB(), w.SizeGiB), fmt.Sprintf("diskSizeGiB: %d", d.GiB()))
	}
	if w.Data {
		return found
	}
	mode := w.BootMode
	switch {
	case w.Architecture == image.ARM64 && mode == image.BIOS:
		add(image.Fatal, "architectureNeedsUEFI", "arm64 boots by UEFI only", "bootMode: UEFI")
		return found
	case mode == "" && w.Architecture == image.ARM64:
		mode = image.UEFI
	case mode == "":
		mode = image.BIOS
	}
	switch {
	case mode == image.BIOS && d.BIOS == image.No && d.UEFI == image.Yes:
		add(image.Fatal, "bootModeMismatch", "the disk has what UEFI needs to boot, and nothing for BIOS", "bootMode: UEFI")
	case mode == image.UEFI && d.UEFI == image.No && d.BIOS == image.Yes:
		add(image.Fatal, "bootModeMismatch", "the disk has no EFI system partition: it cannot boot by UEFI", "bootMode: BIOS")
	}
	return found
}
