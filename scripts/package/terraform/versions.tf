terraform {
  required_version = ">= 1.6"

  required_providers {
    exoscale = {
      source  = "exoscale/exoscale"
      version = ">= 0.70"
    }
  }
}
