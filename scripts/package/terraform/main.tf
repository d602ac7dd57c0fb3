# A pool of instances that share an Elastic IP, which exoip keeps on the best live one.

# Without a health check: an address with one is moved by Exoscale itself.
resource "exoscale_elastic_ip" "this" {
  zone        = var.zone
  description = var.name
}

resource "exoscale_security_group" "this" {
  name = var.name
}

# Heartbeats among the members of the group, from any source port.
resource "exoscale_security_group_rule" "heartbeats" {
  security_group_id      = exoscale_security_group.this.id
  user_security_group_id = exoscale_security_group.this.id
  description            = "exoip heartbeats"
  type                   = "INGRESS"
  protocol               = "UDP"
  start_port             = 12345
  end_port               = 12345
}

# What `exoip --print-iam-policy -W -xi ADDRESS` prints.
resource "exoscale_iam_role" "this" {
  name        = var.name
  description = "Moves the Elastic IP ${exoscale_elastic_ip.this.ip_address}"
  editable    = true

  policy = {
    default_service_strategy = "deny"
    services = {
      compute = {
        type = "rules"
        rules = [
          {
            action     = "allow"
            expression = "operation in ['list-elastic-ips', 'get-instance', 'list-instances', 'get-operation', 'get-instance-pool', 'get-security-group']"
          },
          {
            action     = "allow"
            expression = "operation in ['attach-instance-to-elastic-ip', 'detach-instance-from-elastic-ip'] && resources.elastic_ip.ip in ['${exoscale_elastic_ip.this.ip_address}']"
          },
        ]
      }
    }
  }
}

resource "exoscale_iam_api_key" "this" {
  name    = var.name
  role_id = exoscale_iam_role.this.id
}

# The members of the pool are the peers.
resource "exoscale_instance_pool" "this" {
  zone               = var.zone
  name               = var.name
  instance_prefix    = var.name
  size               = var.size
  template_id        = var.template_id
  instance_type      = var.instance_type
  disk_size          = var.disk_size
  key_pair           = var.ssh_key
  security_group_ids = concat([exoscale_security_group.this.id], var.security_group_ids)

  # The state and the instances' metadata contain the secret: hence a key that can do nothing but move this address.
  user_data = templatefile("${path.module}/user-data.yaml.tftpl", {
    address        = exoscale_elastic_ip.this.ip_address
    api_key        = exoscale_iam_api_key.this.key
    api_secret     = exoscale_iam_api_key.this.secret
    exclusive      = var.exclusive
    url            = var.package_url
    sha256         = var.package_sha256
    options        = var.options
    lease_store    = var.lease_store
    lease_user     = var.lease_user
    lease_password = chomp(var.lease_password)
    lease_ca       = trimspace(replace(var.lease_ca, "\r\n", "\n"))
    lease_cert     = trimspace(replace(var.lease_cert, "\r\n", "\n"))
    lease_key      = trimspace(replace(var.lease_key, "\r\n", "\n"))
  })

  lifecycle {
    # exoip attaches the address to one instance. A pool that has it in elastic_ip_ids attaches it to every instance,
    # and an apply would undo what exoip has decided. So nobody sets it here, and what is there is left alone.
    ignore_changes = [elastic_ip_ids]

    # Somebody who forgets the store must not believe that there is a lease.
    precondition {
      condition = var.lease_store != "" || alltrue([
        for text in [var.lease_user, var.lease_password, var.lease_ca, var.lease_cert, var.lease_key] : text == ""
      ])
      error_message = "Found another lease_ variable without lease_store: wanted it, too."
    }

    precondition {
      condition     = var.lease_store != "" || alltrue([for name in keys(var.options) : !startswith(name, "IF_LEASE_")])
      error_message = "Found an IF_LEASE_ variable in options without lease_store: wanted it, too."
    }

    precondition {
      condition     = var.lease_store == "" || var.exclusive
      error_message = "With lease_store only one instance holds the address: wanted exclusive = true."
    }

    precondition {
      condition     = (var.lease_user == "") == (var.lease_password == "")
      error_message = "Found only one of lease_user and lease_password: wanted both."
    }

    precondition {
      condition     = (var.lease_cert == "") == (var.lease_key == "")
      error_message = "Found only one of lease_cert and lease_key: wanted both."
    }

    # Not in the variables' own validation: its message would show the value.
    precondition {
      condition     = can(regex("^([!-~]([ -~]{0,998}[!-~])?)?$", chomp(var.lease_password)))
      error_message = "lease_password: wanted a password on one line, in ASCII."
    }

    precondition {
      condition = can(regex(
        "^$|(^|\n)-----BEGIN (EC |RSA )?PRIVATE KEY-----\r?\n[\r\n -~]+\n-----END (EC |RSA )?PRIVATE KEY-----",
        var.lease_key
      ))
      error_message = "lease_key: wanted the text of a PEM file with a private key that has no password."
    }
  }
}
