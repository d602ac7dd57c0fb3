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
    address    = exoscale_elastic_ip.this.ip_address
    api_key    = exoscale_iam_api_key.this.key
    api_secret = exoscale_iam_api_key.this.secret
    exclusive  = var.exclusive
    url        = var.package_url
    sha256     = var.package_sha256
  })

  lifecycle {
    # exoip attaches the address to one instance. A pool that has it in elastic_ip_ids attaches it to every instance,
    # and an apply would undo what exoip has decided. So nobody sets it here, and what is there is left alone.
    ignore_changes = [elastic_ip_ids]
  }
}
