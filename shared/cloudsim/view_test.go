package cloudsim_test

import (
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/contract"
	"imagekeeper/shared/image"
)

func TestViewKeepsTheContract(t *testing.T) {
	t.Parallel()
	contract.Run(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) contract.Subject {
		return cloud.View(account)
	})
}

func TestViewKeepsTheContractFurther(t *testing.T) {
	t.Parallel()
	contract.RunFurther(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) contract.Further {
		return cloud.View(account)
	})
}

func TestViewKeepsTheContractOfSharing(t *testing.T) {
	t.Parallel()
	contract.RunSharing(t, func(_ *testing.T, cloud *cloudsim.Cloud, account image.AccountID) contract.Sharer {
		return cloud.View(account)
	})
}
