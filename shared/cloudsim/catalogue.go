package cloudsim

func (c *Cloud) seed() {}
