variable "name" {
  description = "Name of pool, security group, role and key, and the prefix of the instances' names"
  type        = string
  default     = "exoip"
}

variable "zone" {
  description = "Zone, such as ch-gva-2"
  type        = string
}

variable "size" {
  description = "Number of instances that may hold the address"
  type        = number
  default     = 2

  validation {
    condition     = var.size >= 2
    error_message = "A single instance has no other one to take over: wanted 2 or more."
  }
}

variable "template_id" {
  description = "Template of the instances: Debian or Ubuntu with netplan and systemd. Name an id, because the newest template of a name changes"
  type        = string
}

variable "instance_type" {
  description = "Type of the instances"
  type        = string
  default     = "standard.small"
}

variable "disk_size" {
  description = "Disk of each instance, in GiB"
  type        = number
  default     = 20
}

variable "ssh_key" {
  description = "Name of the SSH key for the instances; null for none"
  type        = string
  default     = null
}

variable "security_group_ids" {
  description = "More security groups of the instances, for the service itself"
  type        = list(string)
  default     = []
}

variable "package_url" {
  description = "URL of the Debian package of exoip"
  type        = string
}

variable "package_sha256" {
  description = "Its checksum: it is installed only if it has this one"
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.package_sha256))
    error_message = "Wanted 64 hexadecimal digits, as in SHA256SUMS."
  }
}

variable "exclusive" {
  description = "Whether only one instance holds the address. Otherwise all of them share its traffic"
  type        = bool
  default     = true
}
