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

variable "options" {
  description = "More variables of exoip, such as { IF_LEASE_TTL = \"30\" }"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name in keys(var.options) : can(regex("^IF_[A-Z_]+$", name)) && !can(regex(
        "^IF_(ADDRESS|EXOSCALE_API_KEY|EXOSCALE_API_SECRET|EXOSCALE_PEER_GROUP|HOST_PRIORITY|EXCLUSIVE|LEASE|LEASE_USER|.*_FILE)$",
        name
      ))
    ])
    error_message = "Wanted variables of exoip that the module does not set and that name no file."
  }

  validation {
    condition     = alltrue([for value in values(var.options) : can(regex("^[A-Za-z0-9_./+=~:@%,-]{1,500}$", value))])
    error_message = "Wanted values of one word."
  }
}

variable "lease_store" {
  description = "Etcd of the lease, such as etcd:https://10.0.0.1:2379,https://10.0.0.2:2379; with a lease at most one instance holds the address. Empty for no lease"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition = can(regex(
      "^(etcd:https?://[A-Za-z0-9.:\\[\\]-]+/?(,(etcd:)?https?://[A-Za-z0-9.:\\[\\]-]+/?){0,19})?$",
      var.lease_store
    ))
    error_message = "Wanted etcd:https://HOST:2379[,https://...]."
  }
}

variable "lease_user" {
  description = "User of etcd. Empty if etcd has no users"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9][A-Za-z0-9_.@-]{0,253})?$", var.lease_user))
    error_message = "Wanted the name of a user of etcd."
  }
}

variable "lease_password" {
  description = "Password of that user. It ends up in the state and in the user data"
  type        = string
  default     = ""
  nullable    = false
  sensitive   = true
}

variable "lease_ca" {
  description = "Authority of etcd's certificates, the text of a PEM file. Empty if the instances know it"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition = can(regex(
      "^$|(^|\n)-----BEGIN CERTIFICATE-----\r?\n[\r\n -~]+\n-----END CERTIFICATE-----",
      var.lease_ca
    ))
    error_message = "Wanted the text of a PEM file with certificates, as from file()."
  }
}

variable "lease_cert" {
  description = "Certificate that the instances show etcd, the text of a PEM file. Empty if etcd wants none"
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition = can(regex(
      "^$|(^|\n)-----BEGIN CERTIFICATE-----\r?\n[\r\n -~]+\n-----END CERTIFICATE-----",
      var.lease_cert
    ))
    error_message = "Wanted the text of a PEM file with a certificate, as from file()."
  }
}

variable "lease_key" {
  description = "Key of that certificate, the text of a PEM file. It ends up in the state and in the user data"
  type        = string
  default     = ""
  nullable    = false
  sensitive   = true
}
