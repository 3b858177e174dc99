"""Network interfaces, by which jobs, endpoints and Lambdas reach the VPC of the settings; nothing where there is none.

SageMaker and Lambda make and remove them with the rights of the roles that they are given.
"""

from aws_cdk import aws_iam as iam

from infra.arns import Arns
from infra.permissions import Statements, allow, deny
from mergemaker.domain.settings import Network

_FOR_LAMBDA = ("ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses")
_SEEN_BY_LAMBDA = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")


def for_sagemaker(arns: Arns, network: Network) -> Statements:
    """The calls that the SageMaker Developer Guide lists for an execution role whose jobs or models have a VpcConfig.

    Training scripts run as this role, too: so in these subnets only.
    """
    if not network.subnets:
        return []
    here = {"ArnEquals": {"ec2:Subnet": arns.subnets(network.subnets)}}
    return [
        _make(arns, network),
        allow(
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
            on=arns.network_interfaces,
            when=here,
        ),
        allow(
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            on="*",
        ),
    ]


def for_function(arns: Arns, name: str, network: Network) -> Statements:
    """What Lambda asks of a function's role (Lambda Developer Guide, VPC), and not for the function's own code.

    Lambda looks at the role before there is an interface, so the right to remove one can't be confined to a subnet.
    """
    if not network.subnets:
        return []
    itself = {"ArnEquals": {"lambda:SourceFunctionArn": arns.function(name)}}
    return [
        _make(arns, network),
        allow(*_FOR_LAMBDA, on=arns.network_interfaces),
        allow(*_SEEN_BY_LAMBDA, on="*"),
        deny("ec2:CreateNetworkInterface", *_FOR_LAMBDA, *_SEEN_BY_LAMBDA, on=["*"], when=itself),
    ]


def _make(arns: Arns, network: Network) -> iam.PolicyStatement:
    """EC2 asks for the interface, its subnet and its security groups."""
    where = [*arns.subnets(network.subnets), *arns.security_groups(network.security_groups)]
    return allow("ec2:CreateNetworkInterface", on=[arns.network_interfaces, *where])
