output "address" {
  description = "The Elastic IP"
  value       = exoscale_elastic_ip.this.ip_address
}

output "instance_pool_id" {
  description = "The pool of instances"
  value       = exoscale_instance_pool.this.id
}

output "security_group_id" {
  description = "The group of the instances"
  value       = exoscale_security_group.this.id
}
