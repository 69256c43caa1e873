package cloudsim

import "imagekeeper/shared/image"

// Parent returns the image that an image was truly made from, whatever the API
// still shows of it and whichever of them was deleted since; false for an image
// without one, or one that never was. The Account of what it returns is the
// owner's, and of public images "system", of Marketplace images "marketplace".
// Account is not looked at in what is given.
func (c *Cloud) Parent(of image.Ref) (image.Ref, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.ever(of)
	if s == nil || s.parent.ID == "" {
		return image.Ref{}, false
	}
	return s.parent, true
}

// Source returns the image that an image truly comes from in the end, however
// many copies, shares and images lie between: a public or Marketplace image, an
// imported one, or the last one that was ever in this cloud. It is the image
// itself where it was made from none; false if there never was such an image.
func (c *Cloud) Source(of image.Ref) (image.Ref, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.ever(of)
	if s == nil {
		return image.Ref{}, false
	}
	img := c.source(s).img
	return image.Ref{Account: img.Owner, Region: img.Region, ID: img.ID}, true
}

// ever is the last state of an image, also of a deleted one; nil if it never was.
func (c *Cloud) ever(of image.Ref) *imageState {
	r := c.regions[of.Region]
	if r == nil || of.ID == "" {
		return nil
	}
	if _, s := r.images.live(string(of.ID)); s != nil {
		return s
	}
	return r.buried[of.ID]
}

// generations bounds how far back an image's ancestors are followed: parents are
// older than their children, except in worlds that a test put together.
const generations = 1000

// source follows an image's parents to the end. A Marketplace image is an end,
// although it was itself made from something.
func (c *Cloud) source(s *imageState) *imageState {
	for range generations {
		if s.img.Owner == SystemOwner || s.img.Owner == MarketplaceOwner {
			return s
		}
		parent := c.ever(s.parent)
		if parent == nil {
			return s
		}
		s = parent
	}
	return s
}
